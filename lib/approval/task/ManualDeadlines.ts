import { callSafely } from '../../common/awaitable.js';
import { DueLoop } from '../../common/time/DueLoop.js';
import type { Due } from '../../common/time/DueLoop.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { PendingTask } from '../../model/Task.js';

interface Deadline extends Due {
  readonly task: PendingTask;
}

/** Ends manual tasks of a memory store whose time has passed. Its timer does not keep the process alive. */
export class ManualDeadlines {
  readonly #loop: DueLoop<Deadline>;
  readonly #byTask = new Map<string, Deadline>();

  /** @param end ends a task, unless the program was first */
  constructor(clock: SteadyClock, end: (task: PendingTask) => Promise<unknown>) {
    const failed = (error: unknown): void => publishCallbackError('ending a manual task', error);
    this.#loop = new DueLoop({
      now: () => clock.now(),
      handle: ({ task }) => {
        this.#byTask.delete(task.taskId);
        callSafely(end, [task], failed);
      },
    });
    this.#loop.holdProcess(false);
  }

  add(task: PendingTask): void {
    const deadline: Deadline = { task, heapIndex: -1 };
    this.#byTask.set(task.taskId, deadline);
    this.#loop.schedule(deadline, task.expiresAtMs);
  }

  remove(taskId: string): void {
    const deadline = this.#byTask.get(taskId);
    if (deadline === undefined) return;
    this.#byTask.delete(taskId);
    this.#loop.remove(deadline);
  }

  stop(): void {
    this.#byTask.clear();
    this.#loop.stop();
  }
}
