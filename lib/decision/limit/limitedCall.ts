import type { DecisionRequest } from '../../model/Decision.js';
import type { Params } from '../../model/Params.js';
import type { AppliedLimit, AppliedPolicy, PolicyOutcome } from '../../policy/PolicyEngine.js';
import type { LimitedCall } from './LimitGate.js';

/** What policies say of a call that may run, where some of them are limits. */
export type Limited = Exclude<PolicyOutcome, { effect: 'deny' }> & { readonly limits: readonly AppliedLimit[] };

/** The call of a request, as limits count it. @param params those that would run, where they differ from the call's */
export function limitedCall({ agentId, toolName, params: own, session, remote }: DecisionRequest, params?: Params): LimitedCall {
  return { agentId, toolName, params: params ?? own, session, sessionTrusted: remote?.sessionTrusted !== false };
}

/** Whether a limit counts nothing but calls of the agent, or the user, that asks. */
export function isOwn({ terms: { by } }: AppliedLimit): boolean {
  return by.some((dimension) => dimension === 'agent' || dimension === 'session/user_id');
}

/** A call that limits let run only where people say so. */
export function askingOutcome(outcome: Limited, limits: readonly AppliedPolicy[]): Extract<PolicyOutcome, { effect: 'approval_needed' }> {
  const before = outcome.effect === 'approval_needed' ? outcome.approvals : [];
  const approvals = [...before, ...limits].sort((a, b) => (a.id < b.id ? -1 : 1));
  const reasons = new Set(limits.map(({ reason }) => reason ?? 'A limit is reached, and a person has to approve more.'));
  if (outcome.effect === 'approval_needed') reasons.add(outcome.reason);
  const policies = [...outcome.policies, ...limits];
  return { ...outcome, effect: 'approval_needed', reason: [...reasons].join('; '), approvals, policies };
}
