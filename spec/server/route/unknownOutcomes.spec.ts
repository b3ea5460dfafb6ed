import { expect } from 'chai';
import { TaskRegistry } from '../../../lib/approval/task/TaskRegistry.js';
import type { Caller } from '../../../lib/server/access/Caller.js';
import { unknownOutcomeRoutes } from '../../../lib/server/route/unknownOutcomes.js';
import { UnknownOutcomes } from '../../../lib/server/tenant/UnknownOutcomes.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { rejection } from '../../support/rejection.js';
import { pendingTask } from '../../support/tasks.js';
import { sender, tenantOf } from '../tenantSetup.js';

const caller: Partial<Caller> = { kind: 'person', id: 'person-rita' };

describe('Runs of which it is not known how they ended', () => {
  it('are listed, and settled by a person with a reason', async () => {
    const { ask, store, registry, unknown } = setup();
    const ids = [await unknownIn(registry), await unknownIn(registry)];
    expect((await unknown.list()).map(({ taskId }) => taskId)).to.have.members(ids);
    for (const [i, outcome] of ['done', 'abandon'].entries()) {
      const answer = await ask('settleUnknown', { id: ids[i] as string, caller, form: { outcome, reason: ' looked at the bank ' } });
      expect([answer.status, answer.headers['location']]).to.deep.equal([303, '/unknown']);
      const task = await store.get(ids[i] as string);
      expect(task?.status).to.equal(outcome === 'done' ? 'completed' : 'failed');
      expect((task as { resolution?: object }).resolution).to.include({ how: outcome, by: 'person-rita', reason: 'looked at the bank' });
    }
    expect(await unknown.list()).to.deep.equal([]);
    // the first word stands
    const late = await ask('settleUnknown', { id: ids[0] as string, caller, form: { outcome: 'abandon', reason: 'x' } });
    expect([late.status, late.json['error']]).to.deep.equal([409, 'not_settled']);
  });

  it('are called again only where a module has the guard', async () => {
    const { ask, store, registry } = setup();
    const id = await unknownIn(registry);
    const answer = await ask('settleUnknown', { id, caller, form: { outcome: 'retry', reason: 'x' } });
    expect([answer.status, answer.json['error']]).to.deep.equal([409, 'not_settled']);
    expect((await store.get(id))?.status).to.equal('unknown');
  });

  it('are not settled without an outcome, without a reason, and where there are none', async () => {
    const { ask, store, registry } = setup();
    const id = await unknownIn(registry);
    for (const form of [undefined, { outcome: 'Done', reason: 'x' }, { reason: 'x' }])
      expect((await ask('settleUnknown', { id, caller, ...(form && { form }) })).status).to.equal(400);
    for (const reason of ['', ' \n '])
      expect((await ask('settleUnknown', { id, caller, form: { outcome: 'done', reason } })).json).to.include({ error: 'reason_needed' });
    expect((await ask('settleUnknown', { id, caller, form: { outcome: 'done' } })).status).to.equal(422);
    expect((await store.get(id))?.status).to.equal('unknown');
    const without = sender(tenantOf(), unknownOutcomeRoutes());
    expect((await without('settleUnknown', { id, caller, form: { outcome: 'done', reason: 'x' } })).status).to.equal(404);
  });

  it('fail where the store does', async () => {
    const unknown = new UnknownOutcomes({
      listTasks: () => Promise.reject(new Error('away')),
      resolveUnknown: () => Promise.reject(new Error('away')),
    });
    const ask = sender({ ...tenantOf(), unknown }, unknownOutcomeRoutes());
    const answer = await ask('settleUnknown', { id: 't', caller, form: { outcome: 'done', reason: 'x' } });
    expect(answer.status).to.be.greaterThan(499);
    expect((await rejection(unknown.list())).message).to.equal('away');
  });
});

function setup() {
  const store = new MemoryTaskStore();
  const registry = new TaskRegistry(store);
  const unknown = new UnknownOutcomes(registry);
  return { store, registry, unknown, ask: sender({ ...tenantOf(), unknown }, unknownOutcomeRoutes()) };
}

/** A run whose process could not say how it ended. */
async function unknownIn(registry: TaskRegistry): Promise<string> {
  const task = pendingTask();
  const { taskId, digest } = task;
  await registry.record(task);
  await registry.transition(taskId, ['pending'], { to: 'approved' });
  await registry.claim({ taskId, digest, token: 't', nowMs: Date.now(), leaseMs: 60_000 });
  await registry.settle(taskId, 't', {
    to: 'unknown',
    error: { name: 'OutcomeUnknownError', code: 'outcome_unknown', message: 'it may have run' },
  });
  return taskId;
}
