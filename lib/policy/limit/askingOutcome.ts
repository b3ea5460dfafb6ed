import type { AppliedLimit, AppliedPolicy, PolicyOutcome } from '../PolicyEngine.js';

/** What policies say of a call that may run, where some of them are limits. */
export type Limited = Exclude<PolicyOutcome, { effect: 'deny' }> & { readonly limits: readonly AppliedLimit[] };

/** A call that limits let run only where people say so. */
export function askingOutcome(outcome: Limited, limits: readonly AppliedPolicy[]): Extract<PolicyOutcome, { effect: 'approval_needed' }> {
  const before = outcome.effect === 'approval_needed' ? outcome.approvals : [];
  const approvals = [...before, ...limits].sort((a, b) => (a.id < b.id ? -1 : 1));
  const reasons = new Set(limits.map(({ reason }) => reason ?? 'A limit is reached, and a person has to approve more.'));
  if (outcome.effect === 'approval_needed') reasons.add(outcome.reason);
  const policies = [...outcome.policies, ...limits];
  return { ...outcome, effect: 'approval_needed', reason: [...reasons].join('; '), approvals, policies };
}
