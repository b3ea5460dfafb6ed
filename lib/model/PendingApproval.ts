import type { TaskStatus } from './Task.js';

/** The brand of every pending approval, shared by all copies of this package. */
export const PENDING_BRAND: unique symbol = Symbol.for('aegis.pending') as never;

/**
 * What a guarded call returns in mode `defer` when a person has to decide first. The method has not run; it runs once, in the background,
 * if the approval comes. It is no promise: awaiting the call gives the handle at once, awaiting `completed` waits for the person.
 */
export interface PendingApproval<T = unknown> {
  /** Tells it from look-alikes. */
  readonly [PENDING_BRAND]: true;
  /** The task's id in `aegis.tasks`. */
  readonly taskId: string;
  /** The id by which a desk or service knows the approval. */
  readonly decisionId: string;
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** `Tool 'x' execution pending approval: reason.` */
  readonly message: string;
  /** Where it stands in this process, now. */
  readonly status: TaskStatus;
  /**
   * The method's result once it was approved and has run. Rejects with ForbiddenError (refused), ApprovalTimeoutError, ApprovalCancelledError,
   * ShutdownError, OutcomeUnknownError or the method's own error. Made when first read; its rejection never ends the process.
   */
  readonly completed: Promise<T>;
  /** Cancels it unless it was decided or run first. Resolves to whether it was cancelled. */
  cancel(): Promise<boolean>;
  /** The message. */
  toString(): string;
  /** Ids, status and message. */
  toJSON(): object;
}

/** What a guarded method in mode `defer` returns. */
export type Guarded<T> = T | PendingApproval<T>;

/** Tells a pending approval from a result; works across copies of this package. */
export function isPending<T = unknown>(value: T | PendingApproval<T>): value is PendingApproval<T>;
export function isPending(value: unknown): value is PendingApproval;
export function isPending(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[PENDING_BRAND] === true;
}
