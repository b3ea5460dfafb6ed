import type { Decision } from '../../model/Decision.js';
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

/** The error of a call that policy denies. */
export function forbidden({ agentId, toolName }: RefusedCall, decision: Decision): ForbiddenError {
  const why = decision.reason ?? 'the decision service gave no reason';
  return new ForbiddenError(`Tool '${toolName}' is not allowed: ${why}`, {
    code: decision.violations?.[0]?.type === 'limit' ? 'limit_reached' : 'policy_violation',
    agentId,
    toolName,
    decision,
  });
}

/** The error of a call that needs a person, where no one can be asked. */
export function cannotAsk({ agentId, toolName }: RefusedCall, decision: Decision): ForbiddenError {
  const message = `Tool '${toolName}' requires approval, and approval polling is switched off. Switch on \`approvalPolling.enabled\`, or use a service that pushes.`;
  return new ForbiddenError(message, { code: 'approval_required', agentId, toolName, decision });
}
