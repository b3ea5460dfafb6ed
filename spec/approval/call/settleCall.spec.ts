import { expect } from 'chai';
import sinon from 'sinon';
import type { Awaitable } from '../../../lib/common/awaitable.js';
import type { Task, TaskStatus } from '../../../lib/model/Task.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import type { TaskChange } from '../../../lib/store/TaskStore.js';
import { schedulerSetup } from '../../support/schedulerSetup.js';

/** A store that someone else edits: what it has changed names other original params. */
class EditedStore extends MemoryTaskStore {
  override transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Task | undefined {
    const task: Awaitable<Task | undefined> = super.transition(taskId, from, change, nowMs);
    return task === undefined ? undefined : Object.freeze({ ...task, originalDigest: 'edited' });
  }
}

describe('A call whose task was given another original digest', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  for (const state of ['denied', 'expired'] as const)
    it(`ends for its caller when it is ${state}, and never runs`, async () => {
      const setup = schedulerSetup({ store: new EditedStore(), service: { status: (decisionId) => ({ decisionId, state }) } });
      const { handle, runs, settled } = await setup.submit();
      const ended = handle.completed.then(
        () => 'ran',
        (error: Error) => error.name,
      );
      await clock.tickAsync(10_000);
      expect(await ended).to.equal(state === 'denied' ? 'ForbiddenError' : 'ApprovalTimeoutError');
      expect([runs, settled.length, setup.scheduler.queueSize]).to.deep.equal([[], 1, 0]);
      await setup.scheduler.shutdown();
    });
});
