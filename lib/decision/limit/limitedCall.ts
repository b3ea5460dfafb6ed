import type { DecisionRequest } from '../../model/Decision.js';
import type { JournaledLimit } from '../../model/DecisionEvidence.js';
import type { Params } from '../../model/Params.js';
import { AMOUNT_PARTS } from '../../model/terms/LimitTerms.js';
import type { AppliedLimit } from '../../policy/PolicyEngine.js';
import type { LimitedCall } from './LimitGate.js';

/** The call of a request, as limits count it. @param params those that would run, where they differ from the call's */
export function limitedCall({ agentId, toolName, params: own, session, remote }: DecisionRequest, params?: Params): LimitedCall {
  return { agentId, toolName, params: params ?? own, session, sessionTrusted: remote?.sessionTrusted !== false };
}

/**
 * What a journal learns of a limit that has counted a call. How many calls fit is in it only where an audit log says by itself which calls those are: not
 * where a param or the session says how much or whose.
 */
export function journaledLimit({
  policy: { id, hash },
  terms: { limit, windowMs, kind, by, cost },
  observed,
}: AppliedLimit): JournaledLimit {
  const isPlain = cost === undefined && observed !== true && by.every((dimension) => !dimension.startsWith('session'));
  if (!isPlain) return { id, hash };
  return { by, calls: Math.floor(limit / AMOUNT_PARTS), hash, id, ...(kind === 'sliding' && { isSliding: true }), windowMs };
}

/** Whether a limit counts nothing but calls of the agent, or the user, that asks. */
export function isOwn({ terms: { by } }: AppliedLimit): boolean {
  return by.some((dimension) => dimension === 'agent' || dimension === 'session/user_id');
}
