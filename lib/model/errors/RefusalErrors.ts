// There was a decision, and it was not to run the method; or the wait for one ended.
import type { Decision, Violation } from '../Decision.js';
import type { PendingApproval } from '../PendingApproval.js';
import { AegisError } from '../AegisError.js';

/** Options of a {@link ForbiddenError}. */
export interface ForbiddenErrorOptions extends ErrorOptions {
  /** @defaultValue `forbidden` */
  readonly code?: string | undefined;
  /** The agent whose call was refused. */
  readonly agentId?: string | undefined;
  /** The tool that was not run. */
  readonly toolName?: string | undefined;
  /** The decision that refused. */
  readonly decision?: Decision | undefined;
}

/** A policy or a person refused the call, or it was approved and may no longer run. Raised by a guarded call; the method has not run. */
export class ForbiddenError extends AegisError {
  override readonly name = 'ForbiddenError';
  /** The HTTP status, for web frameworks that read it from the error. */
  readonly status = 403;
  /** The HTTP status, for web frameworks that read it from the error. */
  readonly statusCode = 403;
  /** The agent whose call was refused. */
  readonly agentId: string | undefined;
  /** The tool that was not run. */
  readonly toolName: string | undefined;
  /** The decision that refused; absent where a service refused the request itself (HTTP 403). Hidden when the error is inspected, because it may quote the call. */
  declare readonly decision: Decision | undefined;

  constructor(message: string, options: ForbiddenErrorOptions = {}) {
    super(options.code ?? 'forbidden', message, options);
    this.agentId = options.agentId;
    this.toolName = options.toolName;
    Object.defineProperty(this, 'decision', { value: options.decision });
  }

  /** What the call violates, where the decision says so. May hold actual values: for logs and approvers, never for a model. */
  get violations(): readonly Violation[] {
    return this.decision?.violations ?? [];
  }

  /** Safe to show and send: contains no arguments, no values of the call and no policy ids. */
  toJSON(): object {
    return { name: this.name, code: this.code, message: this.message, agentId: this.agentId, toolName: this.toolName };
  }
}

/** A person must decide first, and the guard's mode is `throw` or the call was synchronous. The method has not run. */
export class ApprovalPendingError<T = unknown> extends AegisError {
  override readonly name = 'ApprovalPendingError';
  /** The handle of the pending approval, as mode `defer` returns it. */
  readonly pending: PendingApproval<T>;

  constructor(pending: PendingApproval<T>) {
    super('approval_pending', pending.message);
    this.pending = pending;
  }
}

/** No one decided the approval in time, which is not a person's denial. The method has not run. */
export class ApprovalTimeoutError extends AegisError {
  override readonly name = 'ApprovalTimeoutError';
  /** The task of the pending call. */
  readonly taskId: string;
  /** The approval that was not decided. */
  readonly decisionId: string;

  constructor(taskId: string, decisionId: string, message: string, options?: ErrorOptions) {
    super('approval_timeout', message, options);
    this.taskId = taskId;
    this.decisionId = decisionId;
  }
}

/** The pending approval was cancelled by `cancel()`, an AbortSignal or the end of the module. The method has not run. */
export class ApprovalCancelledError extends AegisError {
  override readonly name = 'ApprovalCancelledError';
  /** The task of the cancelled call. */
  readonly taskId: string;

  constructor(taskId: string, message: string, options?: ErrorOptions) {
    super('approval_cancelled', message, options);
    this.taskId = taskId;
  }
}

/** The call's AbortSignal was aborted before the method ran. The signal's reason is the `cause`. */
export class CallAbortedError extends AegisError {
  override readonly name = 'CallAbortedError';

  constructor(toolName: string, reason: unknown) {
    super('call_aborted', `The call of tool '${toolName}' was aborted before it ran.`, { cause: reason });
  }
}

/** The module is closed or closing, so no guarded call runs. */
export class ShutdownError extends AegisError {
  override readonly name = 'ShutdownError';

  constructor(message: string, options?: ErrorOptions) {
    super('shutdown', message, options);
  }
}

/** It is unknown whether the approved call ran; a person must find out and resolve its task. */
export class OutcomeUnknownError extends AegisError {
  override readonly name = 'OutcomeUnknownError';
  /** The task whose outcome is unknown. */
  readonly taskId: string;

  constructor(taskId: string, message: string, options?: ErrorOptions) {
    super('outcome_unknown', message, options);
    this.taskId = taskId;
  }
}
