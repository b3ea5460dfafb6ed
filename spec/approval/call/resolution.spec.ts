import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { cancelled, deniedAtRun, timedOut } from '../../../lib/approval/call/resolution.js';
import { TaskRegistry } from '../../../lib/approval/task/TaskRegistry.js';
import type { Task } from '../../../lib/model/Task.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { rejection } from '../../support/rejection.js';
import { pendingTask } from '../../support/tasks.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';

/** What a caller is told of a task that somebody else ended: by hand, or in another process that shares the store. */
describe('A task that somebody else ended', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  for (const [status, name] of [
    ['denied', 'ForbiddenError'],
    ['timeout', 'ApprovalTimeoutError'],
    ['cancelled', 'ApprovalCancelledError'],
    ['failed', 'Error'],
  ] as const) {
    it(`as ${status} gives its caller a ${name} that says why`, async () => {
      const setup = schedulerSetup();
      const { handle, task, runs } = await setup.submit();
      await setup.registry.updateStatus(task.taskId, status, { reason: 'tidied up' });
      expect(await rejection(handle.completed)).to.include({ name, message: 'tidied up' });
      expect(runs).to.deep.equal([]);
    });
  }

  it('says how it stands where its store kept no error', async () => {
    class Forgetful extends MemoryTaskStore {
      override transition(...args: Parameters<MemoryTaskStore['transition']>): Task | undefined {
        const task = super.transition(...args);
        if (task === undefined) return undefined;
        const { error: _, ...rest } = task as Task & { error?: unknown };
        return rest as Task;
      }
    }
    const setup = schedulerSetup({ store: new Forgetful() });
    const { handle, task } = await setup.submit();
    await setup.registry.updateStatus(task.taskId, 'cancelled');
    expect(await rejection(handle.completed)).to.include({ name: 'ApprovalCancelledError', message: 'The task is cancelled.' });
  });

  it('as unknown, elsewhere, gives its caller an OutcomeUnknownError', async () => {
    const store = new MemoryTaskStore();
    const setup = schedulerSetup({ store });
    const { handle, task, runs } = await setup.submit();
    const elsewhere = new TaskRegistry(store);
    await elsewhere.transition(task.taskId, ['pending'], { to: 'approved' });
    await elsewhere.claim({ taskId: task.taskId, token: 'theirs', digest: task.digest, nowMs: Date.now(), leaseMs: 60_000 });
    await elsewhere.settle(task.taskId, 'theirs', { to: 'unknown', error: { name: 'Error', message: 'its process ended' } });
    expect(await handle.cancel()).to.equal(false);
    expect(await rejection(handle.completed)).to.include({ name: 'OutcomeUnknownError', message: 'its process ended' });
    expect([runs, setup.scheduler.queueSize]).to.deep.equal([[], 0]);
  });
});

describe('A task that had begun in a process that died', () => {
  it('says so where it ends without running again, and how often', () => {
    const message = (runs: number): string => timedOut(pendingTask({ runs }), 'its time was over').error.message;
    expect(message(0)).to.match(/ended: its time was over\.$/);
    expect(message(1)).to.match(/its time was over\. \(It had begun before, once, in a process that died; what that did is unknown\.\)$/);
    expect(message(2)).to.include('begun before, 2 times');
    expect(cancelled(pendingTask({ runs: 1 }), 'by its caller').error.message).to.include('begun before');
    expect(deniedAtRun(pendingTask({ runs: 1 }), 'denied_at_run', 'no').error.message).to.include('begun before');
  });
});
