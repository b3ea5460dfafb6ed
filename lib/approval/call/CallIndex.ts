import type { Task } from '../../model/Task.js';
import { DuplicateCalls } from './DuplicateCalls.js';
import type { PendingCall } from './PendingCall.js';

/** The calls that have not ended, by task, by decision and by what makes two calls equal. */
export class CallIndex {
  readonly equal: DuplicateCalls = new DuplicateCalls();
  readonly #byTask = new Map<string, PendingCall>();
  readonly #byDecision = new Map<string, PendingCall>();

  get size(): number {
    return this.#byTask.size;
  }

  add(entry: PendingCall): void {
    this.#byTask.set(entry.task.taskId, entry);
    this.#byDecision.set(entry.task.decisionId, entry);
    this.equal.add(entry);
  }

  remove(entry: PendingCall): void {
    this.#byTask.delete(entry.task.taskId);
    this.#byDecision.delete(entry.task.decisionId);
    this.equal.remove(entry);
  }

  /** Takes over a change of the task; after a fresh decision it may go by another decisionId. */
  update(entry: PendingCall, task: Task): void {
    if (task.decisionId !== entry.task.decisionId) {
      this.#byDecision.delete(entry.task.decisionId);
      this.#byDecision.set(task.decisionId, entry);
    }
    entry.task = task;
  }

  ofTask(taskId: string): PendingCall | undefined {
    return this.#byTask.get(taskId);
  }

  ofDecision(decisionId: string): PendingCall | undefined {
    return this.#byDecision.get(decisionId);
  }

  /** Oldest first. */
  all(): readonly PendingCall[] {
    return [...this.#byTask.values()];
  }
}
