import type { Decision, DenyDecision } from '../../model/Decision.js';
import { AegisError } from '../../model/AegisError.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { DeniedOutcome } from './GuardedCall.js';

/** The call that was refused. */
interface RefusedCall {
  readonly agentId: string;
  readonly toolName: string;
}

/** The outcome of a call that does not run. An error that is not an AegisError was thrown by the decision service. */
export function refused({ toolName }: RefusedCall, error: unknown, decision?: Decision): DeniedOutcome {
  if (AegisError.is(error)) return { kind: 'denied', error, decision };
  const message = `The decision service failed for tool '${toolName}', so the tool did not run. See \`cause\` for its error.`;
  return { kind: 'denied', error: new DecisionUnavailableError('service_threw', message, { cause: error }), decision };
}

/** The error of a call that is denied: the same wherever it was decided. */
export function forbidden({ agentId, toolName }: RefusedCall, decision: DenyDecision): ForbiddenError | DecisionUnavailableError {
  const why = decision.reason ?? 'the decision service gave no reason';
  const message = `Tool '${toolName}' is not allowed: ${why}`;
  const { code = 'policy_violation' } = decision;
  if (code === 'halt_unknown') return new DecisionUnavailableError(code, message);
  return new ForbiddenError(message, { code, agentId, toolName, decision });
}

/** The error of a call that needs a person, where no one can be asked. */
export function cannotAsk({ agentId, toolName }: RefusedCall, decision: Decision): ForbiddenError {
  const message = `Tool '${toolName}' requires approval, and approval polling is switched off. Switch on \`approvalPolling.enabled\`, or use a service that pushes.`;
  return new ForbiddenError(message, { code: 'approval_required', agentId, toolName, decision });
}
