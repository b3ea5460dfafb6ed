import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';

/** Why a call is not entered, or a record is not written. */
export function auditUnavailable(why: string, cause?: unknown): DecisionUnavailableError {
  const message = `The audit log ${why}, so nothing runs that it would have to record. See \`cause\`, and status() of the log.`;
  return new DecisionUnavailableError('audit_unavailable', message, cause === undefined ? undefined : { cause });
}
