import type { AegisError } from '../../model/AegisError.js';
import type { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { PendingApproval } from '../../model/PendingApproval.js';

/** Errors whose words and codes are those of the decision service, or of what stands between: a stack of it is none for a model. */
const OF_THE_SERVICE: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'AuthError',
  'BadRequestError',
  'NotFoundError',
  'PolicyEvalError',
  'TransportError',
  'TimeoutError',
  'UnknownServiceError',
]);

/** The error as a model may read it; for the operator, the service's own is its cause. */
export function safeError(tool: string, error: AegisError): AegisError {
  if (!OF_THE_SERVICE.has(error.name)) return error;
  const message = `The decision on tool '${tool.slice(0, 128)}' failed, so it did not run.`;
  return new DecisionUnavailableError('service_threw', message, { cause: error });
}

/** What a model is told instead of a result: one line of JSON, with nothing in it that was not written to be told. */
export function deniedText(tool: string, given: AegisError): string {
  const error = safeError(tool, given);
  const decision_id = error.name === 'ForbiddenError' ? (error as ForbiddenError).decision?.decisionId : undefined;
  return JSON.stringify({ aegis: 'denied', tool, code: error.code, reason: error.message, decision_id, retry: false });
}

/** What a model is told while a person has to decide. */
export function pendingText({ toolName, taskId, decisionId, message }: PendingApproval): string {
  return JSON.stringify({ aegis: 'pending', tool: toolName, reason: message, task_id: taskId, decision_id: decisionId, retry: false });
}
