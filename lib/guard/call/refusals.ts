import type { Decision } from '../../model/Decision.js';
import { AegisError } from '../../model/AegisError.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { DeniedOutcome } from './GuardedCall.js';

/** Whose call was refused. */
interface RefusedCall {
  readonly agentId: string;
  readonly toolName: string;
}

/** The outcome of a call that does not run; whatever is no error of ours was thrown by the decision service. */
export function refused({ toolName }: RefusedCall, error: unknown, decision?: Decision): DeniedOutcome {
  if (AegisError.is(error)) return { kind: 'denied', error, decision };
  const message = `The decision on tool '${toolName}' failed, so it did not run.`;
  return { kind: 'denied', error: new DecisionUnavailableError('service_threw', message, { cause: error }), decision };
}

/** Policy says no. */
export function forbidden({ agentId, toolName }: RefusedCall, decision: Decision): ForbiddenError {
  const why = decision.reason ?? 'policy does not allow it';
  return new ForbiddenError(`Tool '${toolName}' is not allowed: ${why}`, { code: 'policy_violation', agentId, toolName, decision });
}

/** A person would have to decide, and nobody can be asked. */
export function cannotAsk({ agentId, toolName }: RefusedCall, decision: Decision): ForbiddenError {
  const message = `Tool '${toolName}' requires approval, and approval polling is switched off.`;
  return new ForbiddenError(message, { code: 'approval_required', agentId, toolName, decision });
}
