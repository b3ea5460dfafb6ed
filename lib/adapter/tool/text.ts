import type { AegisError } from '../../model/AegisError.js';
import type { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { PendingApproval } from '../../model/PendingApproval.js';

/** Errors whose text and code come from the decision service or from a proxy before it. A model must not read them. */
const OF_THE_SERVICE: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'AuthError',
  'BadRequestError',
  'NotFoundError',
  'PolicyEvalError',
  'TransportError',
  'TimeoutError',
  'UnknownServiceError',
]);

/** Returns the error in a form that a model may read. An error of the decision service becomes its `cause`, for the operator. */
export function safeError(tool: string, error: AegisError): AegisError {
  if (!OF_THE_SERVICE.has(error.name)) return error;
  const message = `The decision on tool '${tool.slice(0, 128)}' failed, so the tool did not run.`;
  return new DecisionUnavailableError('service_threw', message, { cause: error });
}

/** The text that a model gets instead of a result: one line of JSON, which holds only what was written to be shown to it. */
export function deniedText(tool: string, given: AegisError): string {
  const error = safeError(tool, given);
  const decision_id = error.name === 'ForbiddenError' ? (error as ForbiddenError).decision?.decisionId : undefined;
  return JSON.stringify({ aegis: 'denied', tool, code: error.code, reason: error.message, decision_id, retry: false });
}

/**
 * The text that a model gets while a person has to decide.
 *
 * @param redeemed whether the tool runs only when it is called again, because the framework's own yes came before the desk's
 */
export function pendingText({ toolName, taskId, decisionId, message }: PendingApproval, redeemed = false): string {
  const reason = redeemed ? `${message}. Once it is approved, call the tool again with the same arguments.` : message;
  return JSON.stringify({ aegis: 'pending', tool: toolName, reason, task_id: taskId, decision_id: decisionId, retry: false });
}
