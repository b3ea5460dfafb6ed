import { AegisError } from '../model/AegisError.js';
import type { ParamsError } from '../model/errors/CallErrors.js';
import type { ApprovalPendingError, ForbiddenError } from '../model/errors/RefusalErrors.js';
import type { DecisionUnavailableError } from '../model/errors/ServiceErrors.js';
import type { VerdictError } from '../model/errors/SetupErrors.js';
import { isPending } from '../model/PendingApproval.js';
import type { PendingApproval } from '../model/PendingApproval.js';
import { checkedOptions } from '../model/checkedOptions.js';

/** An answer to an HTTP request: a status, a body for JSON, and headers in lower case. */
export interface HttpAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** To be sent as JSON. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Headers, in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The options of {@link toHttp}. */
export interface ToHttpOptions {
  /**
   * The path at which the task registry is mounted, such as `/tasks`. The `location` header of a 202 then points to the call's task.
   *
   * @defaultValue no `location` header
   */
  readonly tasksAt?: string | undefined;
}

/** For errors that only the operator can fix. The error itself tells the operator; the caller gets no details. */
const OURS: readonly [string, string] = ['internal_error', 'The call could not be guarded, so it did not run.'];
const UNDECIDED: readonly [string, string] = ['decision_unavailable', 'There was no decision, so the call did not run.'];

type Told = readonly [status: number, code: string, message: string];

/** The answers by error name, so that errors of another copy of this package count too. They are fixed: they never hold a text of the decision service. */
const BY_NAME: ReadonlyMap<string, Told> = /* @__PURE__ */ new Map<string, Told>([
  // the service refused this program's key; with a 401 the caller would suspect its own
  ['AuthError', [502, ...UNDECIDED]],
  ['BadRequestError', [502, ...UNDECIDED]],
  ['NotFoundError', [502, ...UNDECIDED]],
  ['PolicyEvalError', [502, ...UNDECIDED]],
  ['UnknownServiceError', [502, ...UNDECIDED]],
  ['DecisionUnavailableError', [502, ...UNDECIDED]],
  ['TransportError', [503, ...UNDECIDED]],
  ['TimeoutError', [504, ...UNDECIDED]],
  ['StoreError', [503, 'store_unavailable', 'The approval could not be recorded.']],
  ['ShutdownError', [503, 'shutdown', 'The service is shutting down, so the call did not run.']],
  ['CapacityError', [429, 'capacity', 'Too many calls are waiting already, so the call did not run; try again later.']],
  ['ApprovalTimeoutError', [504, 'approval_timeout', 'No one decided in time, so the call did not run.']],
  ['ApprovalCancelledError', [409, 'approval_cancelled', 'The approval was cancelled, so the call did not run.']],
  ['CallAbortedError', [499, 'call_aborted', 'The call was aborted before it ran.']],
  ['TaskStateError', [409, 'invalid_task_state', 'The task already has another status.']],
  ['OutcomeUnknownError', [500, 'outcome_unknown', 'It is not known whether the call ran. Do not repeat it.']],
]);

/** The codes of a ParamsError that concern the caller's arguments. The others concern a guard's callbacks. */
const OF_THE_CALLER: ReadonlySet<string> = /* @__PURE__ */ new Set(['invalid_params', 'schema_mismatch', 'unsupported_param']);

/**
 * Turns an error of this package into an HTTP answer: 403 for a refusal, 202 for a call that waits for a person, 400 for invalid params, 429 where too many calls
 * wait, 502, 503 or 504 where there was no decision, and so on. A PendingApproval that a guarded call returned becomes a 202 as well.
 *
 * The answer holds nothing confidential: no arguments, no stack, no cause, no configuration, and nothing that a failed service answered.
 *
 * @param error what a guarded call threw or returned
 * @returns `undefined` for any other value, such as a tool's own error, which the program has to answer itself
 * @example
 * const answer = toHttp(error);
 * if (answer === undefined) throw error;
 * return Response.json(answer.body, { status: answer.status, headers: answer.headers });
 */
export function toHttp(error: unknown, given: ToHttpOptions = {}): HttpAnswer | undefined {
  const options = checkedOptions('toHttp()', given, { tasksAt: 'string' });
  if (isPending(error)) return pendingAnswer(error, options);
  return AegisError.is(error) ? errorAnswer(error, options) : undefined;
}

function errorAnswer(error: AegisError, options: ToHttpOptions): HttpAnswer {
  const { name, code, message } = error;
  switch (name) {
    case 'ForbiddenError': {
      const { toolName, decision } = error as ForbiddenError;
      return { status: 403, body: { error: code, message, tool: toolName, decision_id: decision?.decisionId } };
    }
    case 'ApprovalPendingError':
      return pendingAnswer((error as ApprovalPendingError).pending, options);
    case 'ParamsError':
    case 'UnsupportedParamError':
      return OF_THE_CALLER.has(code) ? paramsAnswer(error as ParamsError) : told(500, OURS);
    case 'VerdictError':
      return { status: (error as VerdictError).status, body: { error: code, message, approval_id: (error as VerdictError).decisionId } };
    case 'DecisionUnavailableError':
      return told((error as DecisionUnavailableError).reason === 'circuit_open' ? 503 : 502, UNDECIDED);
    default: {
      const [status, ...rest] = BY_NAME.get(name) ?? [500, ...OURS];
      return told(status, rest, (error as Partial<Record<'taskId', string>>).taskId);
    }
  }
}

/** Says where, and nothing of how the program is written: the error's own message is for its developer. */
function paramsAnswer({ code, path }: ParamsError): HttpAnswer {
  const where = path === '' ? '' : ` at ${path}`;
  const why = code === 'schema_mismatch' ? 'do not have the expected form' : 'cannot be accepted';
  return { status: 400, body: { error: code, message: `The arguments ${why}${where}.`, path } };
}

function told(status: number, [error, message]: readonly [string, string], taskId?: string): HttpAnswer {
  return { status, body: taskId === undefined ? { error, message } : { error, message, task_id: taskId } };
}

function pendingAnswer({ taskId, decisionId, toolName, message }: PendingApproval, { tasksAt }: ToHttpOptions): HttpAnswer {
  const body = { status: 'PENDING', task_id: taskId, approval_id: decisionId, tool: toolName, message };
  if (tasksAt === undefined) return { status: 202, body };
  return { status: 202, body, headers: { location: `${tasksAt.replace(/\/+$/, '')}/${encodeURIComponent(taskId)}` } };
}
