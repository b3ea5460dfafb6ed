import type { TaskRegistry, UnknownResolution } from '../../approval/task/TaskRegistry.js';
import type { Task, UnknownTask } from '../../model/Task.js';

/**
 * The tasks of the store that a server shares with its programs, of which it is not known whether they ran. What callers elsewhere report is not among them: it
 * is settled where they are.
 */
export class UnknownOutcomes {
  readonly #tasks: Pick<TaskRegistry, 'listTasks' | 'resolveUnknown'>;

  /** @param tasks those of a module can be called again; those of a store alone cannot */
  constructor(tasks: Pick<TaskRegistry, 'listTasks' | 'resolveUnknown'>) {
    this.#tasks = tasks;
  }

  /** At most so many of them, oldest first. */
  async list(limit: number = 1_000): Promise<readonly UnknownTask[]> {
    return (await this.#tasks.listTasks({ status: 'unknown', limit })) as readonly UnknownTask[];
  }

  /**
   * Settles one, on the word of a person. `done`: it ran. `abandon`: it failed. `retry`: it failed, and is called again, which is decided anew.
   *
   * @throws TaskStateError where it is not unknown any longer, or for `retry` where its executor lives, or this process has no guard for it
   */
  settle(taskId: string, resolution: UnknownResolution): Promise<Task> {
    return this.#tasks.resolveUnknown(taskId, resolution);
  }
}
