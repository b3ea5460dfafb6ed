import type { TaskStatus } from './Task.js';

/** The brand of every pending approval, shared by all copies of this package. */
export const PENDING_BRAND: unique symbol = Symbol.for('aegis.pending') as never;

/**
 * The handle that a guarded call returns in mode `defer` when a person must decide first. The method has not run; it runs once, in the background,
 * after the approval. The handle is not a promise: awaiting the call returns it at once, awaiting `completed` waits for the person.
 */
export interface PendingApproval<T = unknown> {
  /** Tells it from look-alikes. */
  readonly [PENDING_BRAND]: true;
  /** The task in the registry. */
  readonly taskId: string;
  /** The approval at the decision service. */
  readonly decisionId: string;
  /** The agent that called. */
  readonly agentId: string;
  /** The tool that is waiting to run. */
  readonly toolName: string;
  /** `Tool 'x' execution pending approval: reason.` */
  readonly message: string;
  /** The task's status, as this process knows it now. */
  readonly status: TaskStatus;
  /**
   * JSON pointers of what a person edited in the params before approving the call, such as `/amount`; `undefined` where no one did. Known once it is approved.
   */
  readonly edited: readonly string[] | undefined;
  /**
   * Resolves to the method's result after it was approved and has run. Rejects with ForbiddenError (refused), ApprovalTimeoutError, ApprovalCancelledError,
   * ShutdownError, OutcomeUnknownError or the method's own error. Created when first read; its rejection never ends the process.
   */
  readonly completed: Promise<T>;
  /**
   * Cancels the call unless it was decided or run first.
   *
   * @returns whether it was cancelled
   */
  cancel(): Promise<boolean>;
  /** Returns `message`. */
  toString(): string;
  /** Returns ids, status, message and what was edited. */
  toJSON(): object;
}

/** What a guarded method in mode `defer` returns: its result, or the handle of a pending approval. */
export type Guarded<T> = T | PendingApproval<T>;

/**
 * Whether a value is a pending approval; works across copies of this package.
 *
 * @returns true for the handle of a pending approval, false for a result
 */
export function isPending<T = unknown>(value: T | PendingApproval<T>): value is PendingApproval<T>;
export function isPending(value: unknown): value is PendingApproval;
export function isPending(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[PENDING_BRAND] === true;
}
