import type { AegisError } from '../model/errors/AegisError.js';
import type { ForbiddenError } from '../model/errors/RefusalErrors.js';
import type { PendingApproval } from '../model/PendingApproval.js';

/** What a model is told instead of a result: one line of JSON, with nothing in it that was not written to be told. */
export function deniedText(tool: string, error: AegisError): string {
  const decision_id = error.name === 'ForbiddenError' ? (error as ForbiddenError).decision?.decisionId : undefined;
  return JSON.stringify({ aegis: 'denied', tool, code: error.code, reason: error.message, decision_id, retry: false });
}

/** What a model is told while a person has to decide. */
export function pendingText({ toolName, taskId, decisionId, message }: PendingApproval): string {
  return JSON.stringify({ aegis: 'pending', tool: toolName, reason: message, task_id: taskId, decision_id: decisionId, retry: false });
}
