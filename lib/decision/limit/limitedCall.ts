import type { DecisionRequest } from '../../model/Decision.js';
import type { Params } from '../../model/Params.js';
import type { AppliedLimit } from '../../policy/PolicyEngine.js';
import type { LimitedCall } from './LimitGate.js';

/** The call of a request, as limits count it. @param params those that would run, where they differ from the call's */
export function limitedCall({ agentId, toolName, params: own, session, remote }: DecisionRequest, params?: Params): LimitedCall {
  return { agentId, toolName, params: params ?? own, session, sessionTrusted: remote?.sessionTrusted !== false };
}

/** Whether a limit counts nothing but calls of the agent, or the user, that asks. */
export function isOwn({ terms: { by } }: AppliedLimit): boolean {
  return by.some((dimension) => dimension === 'agent' || dimension === 'session/user_id');
}
