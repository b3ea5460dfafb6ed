import { expect } from 'chai';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { HaltScope } from '../../../lib/model/halt/Halt.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import type { TaskStore } from '../../../lib/store/TaskStore.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';

const ASK = {
  text: `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action == Aegis::Action::"export", resource);`,
};
const ORDER = { by: 'ann', reason: 'it runs wild' };

describe('A halt of a stream that was let in and has not begun', () => {
  /** A stream whose run is settled, and so handed over, only after something was done. */
  const approvedStream = async (beforeHandedOver: (module: AegisModule) => Promise<unknown>) => {
    let module: AegisModule | undefined;
    const store = new MemoryStateStore();
    const { tasks } = store;
    const settle = tasks.settle.bind(tasks);
    const settling: Partial<TaskStore> = {
      settle: async (...settled) => {
        await beforeHandedOver(module as AegisModule);
        return settle(...settled);
      },
    };
    Object.assign(tasks, settling);
    module = AegisModule.create({ policies: ASK, agentId: 'bot', store });
    const ran: number[] = [];
    const exported = guard(
      async function* (rows: number) {
        for (let row = 0; row < rows; row++) {
          ran.push(row);
          yield row;
        }
      },
      { key: `export ${Math.random()}`, toolName: 'export', params: ['rows'], approval: 'wait', groups: ['bulk'], module },
    );
    const stream = exported(2);
    const first = stream.next();
    first.catch(() => {});
    const { approvals } = module;
    await until(async () => (await approvals.list()).length > 0);
    const [record] = await approvals.list();
    await approvals.approve(String(record?.decisionId), { by: 'bob', digest: record?.digest });
    return { module, stream, first, ran };
  };

  for (const scope of [{ all: true }, { agentId: 'bot' }, { toolName: 'export' }, { group: 'bulk' }] satisfies HaltScope[])
    it(`lets nothing of its body run: ${JSON.stringify(scope)}`, async () => {
      const { module, stream, first, ran } = await approvedStream(async ({ halts }) => halts.halt(scope, ORDER));
      expect(await rejection(first)).to.include({ name: 'ForbiddenError', code: 'halted' });
      expect(ran).to.deep.equal([]);
      expect(await stream.next()).to.deep.equal({ value: undefined, done: true });
      await module.close();
    });

  it('of another agent keeps it from nothing, and one that has begun goes on', async () => {
    const { module, stream, first, ran } = await approvedStream(async ({ halts }) => halts.halt({ agentId: 'other' }, ORDER));
    expect(await first).to.deep.equal({ value: 0, done: false });
    await module.halts.halt({ agentId: 'bot' }, ORDER);
    expect([await stream.next(), await stream.next()]).to.deep.equal([
      { value: 1, done: false },
      { value: undefined, done: true },
    ]);
    expect(ran).to.deep.equal([0, 1]);
    await module.close();
  });
});
