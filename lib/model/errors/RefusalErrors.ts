// A decision was made, and it was not "run".
import type { Decision, Violation } from '../Decision.js';
import type { PendingApproval } from '../PendingApproval.js';
import { AegisError } from '../AegisError.js';

/** What a {@link ForbiddenError} is about. */
export interface ForbiddenErrorOptions extends ErrorOptions {
  /** For programs: why. Default `forbidden`. */
  readonly code?: string | undefined;
  /** The agent that calls. */
  readonly agentId?: string | undefined;
  /** The tool that is called. */
  readonly toolName?: string | undefined;
  /** The decision that refused the call, where there was one. */
  readonly decision?: Decision | undefined;
}

/** The call was refused, by policy or by a person. The method has not run. */
export class ForbiddenError extends AegisError {
  override readonly name = 'ForbiddenError';
  /** For web frameworks that read the status off an error. */
  readonly status = 403;
  /** For web frameworks that read the status off an error. */
  readonly statusCode = 403;
  /** The agent that calls. */
  readonly agentId: string | undefined;
  /** The tool that is called. */
  readonly toolName: string | undefined;
  /** The decision that refused; absent where a service refused the request itself (HTTP 403). Not shown when the error is inspected: it may quote the call. */
  declare readonly decision: Decision | undefined;

  constructor(message: string, options: ForbiddenErrorOptions = {}) {
    super(options.code ?? 'forbidden', message, options);
    this.agentId = options.agentId;
    this.toolName = options.toolName;
    Object.defineProperty(this, 'decision', { value: options.decision });
  }

  /** What was violated, where the decision says. */
  get violations(): readonly Violation[] {
    return this.decision?.violations ?? [];
  }

  /** Safe to send: no arguments, no `actual_value`, no policy ids. */
  toJSON(): object {
    return { name: this.name, code: this.code, message: this.message, agentId: this.agentId, toolName: this.toolName };
  }
}

/** A person has to decide first, and the guard's mode is `throw` (or the call was synchronous). */
export class ApprovalPendingError<T = unknown> extends AegisError {
  override readonly name = 'ApprovalPendingError';
  /** The same handle that mode `defer` returns. */
  readonly pending: PendingApproval<T>;

  constructor(pending: PendingApproval<T>) {
    super('approval_pending', pending.message);
    this.pending = pending;
  }
}

/** Nobody decided in time. Not a person's no. */
export class ApprovalTimeoutError extends AegisError {
  override readonly name = 'ApprovalTimeoutError';
  /** The task's id. */
  readonly taskId: string;
  /** The id of the decision; a desk or service knows its approval by it. */
  readonly decisionId: string;

  constructor(taskId: string, decisionId: string, message: string, options?: ErrorOptions) {
    super('approval_timeout', message, options);
    this.taskId = taskId;
    this.decisionId = decisionId;
  }
}

/** The pending approval was cancelled: by `cancel()`, an AbortSignal, or the module's end. */
export class ApprovalCancelledError extends AegisError {
  override readonly name = 'ApprovalCancelledError';
  /** The task's id. */
  readonly taskId: string;

  constructor(taskId: string, message: string, options?: ErrorOptions) {
    super('approval_cancelled', message, options);
    this.taskId = taskId;
  }
}

/** The call's AbortSignal was aborted before it ran. The reason is the `cause`. */
export class CallAbortedError extends AegisError {
  override readonly name = 'CallAbortedError';

  constructor(toolName: string, reason: unknown) {
    super('call_aborted', `The call of tool '${toolName}' was aborted before it ran.`, { cause: reason });
  }
}

/** The module is closed or closing; nothing runs any more. */
export class ShutdownError extends AegisError {
  override readonly name = 'ShutdownError';

  constructor(message: string, options?: ErrorOptions) {
    super('shutdown', message, options);
  }
}

/** The process cannot tell whether the approved call ran: it is for a person to find out. */
export class OutcomeUnknownError extends AegisError {
  override readonly name = 'OutcomeUnknownError';
  /** The task's id. */
  readonly taskId: string;

  constructor(taskId: string, message: string, options?: ErrorOptions) {
    super('outcome_unknown', message, options);
    this.taskId = taskId;
  }
}
