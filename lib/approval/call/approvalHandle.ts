import { inspect } from 'node:util';
import { PENDING_BRAND } from '../../model/PendingApproval.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { Task, TaskStatus } from '../../model/Task.js';

/** How an approval ended for whoever waits on it. */
export type HandleOutcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** What a handle is a view of: the scheduler's entry. */
export interface HandleOwner<T> {
  readonly task: Task;
  readonly outcome: HandleOutcome<T> | undefined;
  whenEnded(listener: (outcome: HandleOutcome<T>) => void): void;
  cancel(): Promise<boolean>;
}

/** Makes the pending approval a caller holds: a thin view of the scheduler's entry. */
export function approvalHandle<T>(owner: HandleOwner<T>): PendingApproval<T> {
  // the brand is on the prototype, where TypeScript does not see it
  return new ApprovalHandle(owner) as unknown as PendingApproval<T>;
}

class ApprovalHandle<T> implements Omit<PendingApproval<T>, typeof PENDING_BRAND> {
  readonly #owner: HandleOwner<T>;
  #completed: Promise<T> | undefined;

  constructor(owner: HandleOwner<T>) {
    this.#owner = owner;
  }

  get taskId(): string {
    return this.#owner.task.taskId;
  }

  get decisionId(): string {
    return this.#owner.task.decisionId;
  }

  get agentId(): string {
    return this.#owner.task.agentId;
  }

  get toolName(): string {
    return this.#owner.task.toolName;
  }

  get status(): TaskStatus {
    return this.#owner.task.status;
  }

  get message(): string {
    const { toolName, reason } = this.#owner.task;
    return `Tool '${toolName}' execution pending approval: ${reason ?? 'a person has to decide'}`;
  }

  get completed(): Promise<T> {
    if (this.#completed === undefined) {
      this.#completed = new Promise<T>((resolve, reject) => {
        const end = (outcome: HandleOutcome<T>): void => (outcome.ok ? resolve(outcome.value) : reject(outcome.error as Error));
        const { outcome } = this.#owner;
        if (outcome === undefined) this.#owner.whenEnded(end);
        else end(outcome);
      });
      // reading it without handling it must not end the process
      this.#completed.catch(() => {});
    }
    return this.#completed;
  }

  cancel(): Promise<boolean> {
    return this.#owner.cancel();
  }

  toString(): string {
    return this.message;
  }

  toJSON(): object {
    const { taskId, decisionId, agentId, toolName, status, message } = this;
    return { taskId, decisionId, agentId, toolName, status, message };
  }

  static {
    // on the prototype: nothing to store in each of 100,000 handles
    Object.defineProperty(this.prototype, PENDING_BRAND, { value: true });
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: ApprovalHandle<unknown>) {
        return `PendingApproval ${inspect(this.toJSON())}`;
      },
    });
  }
}
