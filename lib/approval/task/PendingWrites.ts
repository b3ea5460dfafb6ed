import type { Awaitable } from '../../common/awaitable.js';
import type { TaskOutcome } from '../../store/TaskStore.js';

interface PendingWrite {
  readonly taskId: string;
  readonly token: string;
  /** `undefined` for a claim that is to be given back. */
  readonly outcome: TaskOutcome | undefined;
}

interface Tasks {
  settle(taskId: string, token: string, outcome: TaskOutcome): Awaitable<unknown>;
  release(taskId: string, token: string): Awaitable<unknown>;
}

/**
 * Outcomes, and claims to be given back, that their store could not take. They are recorded once it can, also on a task that is `unknown` by then.
 */
export class PendingWrites {
  readonly #tasks: Tasks;
  #waiting: PendingWrite[] = [];

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  add(taskId: string, token: string, outcome: TaskOutcome | undefined): void {
    this.#waiting.push({ taskId, token, outcome });
  }

  /** Records what waits. What fails again goes on waiting, and does not keep others from being recorded; rejects then, with the first failure. */
  async flush(): Promise<void> {
    const failures: unknown[] = [];
    const waiting = this.#waiting;
    for (const write of waiting) {
      const { taskId, token, outcome } = write;
      try {
        await (outcome === undefined ? this.#tasks.release(taskId, token) : this.#tasks.settle(taskId, token, outcome));
        this.#waiting = this.#waiting.filter((other) => other !== write);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
