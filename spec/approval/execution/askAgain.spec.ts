import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import type { Task } from '../../../lib/model/Task.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';
import type { SchedulerSetup } from '../../support/schedulerSetup.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';
import { originOf } from '../../support/tasks.js';

const HOUR = 3_600_000;

/** An approved call that has to be asked about again, and what may come between. */
describe('askAgain', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  const inAnHour = (): { expiresAtMs: number } => ({ expiresAtMs: Date.now() + HOUR });

  /** Approves the first approval; decided afresh, another one is needed. */
  function asking(store: MemoryTaskStore, params?: Readonly<Record<string, unknown>>): SchedulerSetup {
    return schedulerSetup({
      store,
      service: {
        status: (decisionId) => ({ decisionId, state: decisionId === 'dec-second' ? 'pending' : 'approved' }),
        reevaluate: () => ({ effect: 'approval_needed', decisionId: 'dec-second', params }),
      },
    });
  }

  it('runs the call under the approval that stands, not the one it asked for first', async () => {
    const { submit } = schedulerSetup({
      service: {
        status: (decisionId) => ({ decisionId, state: 'approved' }),
        reevaluate: (_, decisionId) =>
          decisionId === 'dec-second' ? { effect: 'allow', decisionId } : { effect: 'approval_needed', decisionId: 'dec-second' },
      },
    });
    const { handle } = await submit(inAnHour(), { run: (_, { status, decisionId }) => [status, decisionId] });
    await time.tickAsync(10_000);
    expect(await handle.completed).to.deep.equal(['executing', 'dec-second']);
  });

  it('keeps what was offered with the approval that it asks for, not what was with the first', async () => {
    const setup = schedulerSetup({
      service: {
        status: (decisionId) => ({ decisionId, state: decisionId === 'dec-second' ? 'pending' : 'approved' }),
        reevaluate: () => ({ effect: 'approval_needed', decisionId: 'dec-second', offers: ['consume', 'begin'] }),
      },
    });
    const { task } = await setup.submit({ ...inAnHour(), offers: ['reevaluate'] });
    await time.tickAsync(2_000);
    expect(await setup.registry.find(task.taskId)).to.deep.include({ decisionId: 'dec-second', offers: ['consume', 'begin'] });
    await setup.scheduler.shutdown();
  });

  it('leaves a call alone that was cancelled before its second approval could be recorded', async () => {
    const store = new MemoryTaskStore();
    const setup = asking(store);
    const transition = store.transition.bind(store);
    let record: () => void = () => {};
    store.transition = (taskId, from, change, nowMs) => {
      if (change.to !== 'pending') return transition(taskId, from, change, nowMs);
      return new Promise<Task | undefined>((resolve) => (record = () => resolve(transition(taskId, from, change, nowMs)))) as never;
    };
    const { handle, path, runs } = await setup.submit(inAnHour());
    const seen = await diagnosed(async () => {
      await time.tickAsync(2_000);
      expect(await handle.cancel()).to.equal(true);
      record();
      await time.tickAsync(HOUR);
    });
    expect(await rejection(handle.completed)).to.include({ name: 'ApprovalCancelledError' });
    expect([path, runs, seen]).to.deep.equal([['pending', 'approved', 'cancelled'], [], []]);
    expect(time.countTimers()).to.equal(0);
  });

  it('does not follow a call that a listener cancels as soon as it is pending again', async () => {
    const setup = asking(new MemoryTaskStore());
    const { entry, handle, runs } = await setup.submit(inAnHour());
    setup.registry.on('pending', () => void handle.cancel());
    await time.tickAsync(2_000);
    expect(await rejection(handle.completed)).to.include({ name: 'ApprovalCancelledError' });
    await time.tickAsync(HOUR);
    expect([entry.phase, handle.status, runs]).to.deep.equal(['ended', 'cancelled', []]);
    expect([setup.service.count('status dec-second'), time.countTimers()]).to.deep.equal([0, 0]);
  });

  it('refuses, and does not quote, what checking the params of the second approval throws', async () => {
    const setup = asking(new MemoryTaskStore(), { amount: 2 });
    const { handle, runs } = await setup.submit(inAnHour(), {
      admit: () => {
        throw new RangeError('CANARY');
      },
    });
    await time.tickAsync(2_000);
    const error = await rejection(handle.completed);
    expect(error).to.include({ name: 'ForbiddenError', code: 'approved_params_changed' });
    expect(error.message).to.contain('the params of the new approval could not be read.').and.not.contain('CANARY');
    expect(runs).to.deep.equal([]);
  });

  for (const telling of ['is told', 'cannot be told'] as const) {
    it(`waits for the approval that another process asked for first, and the service ${telling} that its own is nobody’s`, async () => {
      const store = new SharedMemoryStore();
      const setup = schedulerSetup({
        store: store.tasks,
        service: {
          status: (decisionId) => ({ decisionId, state: decisionId === 'dec-second' ? 'pending' : 'approved' }),
          reevaluate: (request, decisionId) => {
            if (decisionId === 'dec-theirs') return { effect: 'allow', decisionId };
            const { params, digest, reason } = current.task;
            const change = { to: 'pending', decisionId: 'dec-theirs', params, digest, reason, expiresAtMs: Date.now() + HOUR } as const;
            void store.another().tasks.transition(current.task.taskId, ['approved'], change, Date.now());
            return { effect: 'approval_needed', decisionId: 'dec-second', params: request.params };
          },
          withdraw: () => {
            if (telling === 'cannot be told') throw new Error('away');
          },
        },
      });
      const current = await setup.submit({ ...inAnHour(), origin: originOf(store.ownerId) });
      const seen = await diagnosed(() => time.tickAsync(2_000));
      expect([current.handle.decisionId, current.runs.length, seen.length]).to.deep.equal(['dec-theirs', 0, telling === 'is told' ? 0 : 1]);
      expect(setup.service.asked).to.include('withdraw dec-second');
      await time.tickAsync(120_000);
      expect([await current.handle.completed, current.runs.length]).to.deep.equal(['done', 1]);
    });
  }

  it('leaves a call to its deadline whose task is gone', async () => {
    const store = new MemoryTaskStore();
    const setup = asking(store);
    const transition = store.transition.bind(store);
    store.transition = (taskId, from, change, nowMs) => {
      if (change.to === 'pending') store.delete(taskId, ['approved']);
      return transition(taskId, from, change, nowMs);
    };
    const { handle, runs } = await setup.submit(inAnHour());
    await time.tickAsync(HOUR);
    expect(await rejection(handle.completed)).to.include({ name: 'TaskStateError' });
    expect(runs).to.deep.equal([]);
  });
});
