import type { Awaitable } from '../../common/awaitable.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../store/ApprovalStore.js';

/** Who may decide. */
export interface EligibilityRules {
  /** People by group, for `@approvers`: `{ 'finance-leads': ['ann', 'bob'] }`. A group that is not here, or empty, is nobody. */
  readonly approverGroups?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Says whether a person may decide what one policy asks; when given, it decides instead of `approverGroups`. A throw is a no. */
  readonly mayApprove?: ((by: string, request: ApprovalRecord, policy: ApprovalPolicy) => Awaitable<boolean>) | undefined;
  /** Refuses verdicts on calls whose session names no `user_id`: without one, nobody can tell that the approver is not the requester. */
  readonly requireRequester?: boolean | undefined;
}

/**
 * The approval policies that a person may decide, out of those nobody has yet.
 *
 * @throws VerdictError 403 where there is none, naming why
 */
export async function eligiblePolicies(record: ApprovalRecord, by: string, rules: EligibilityRules): Promise<readonly ApprovalPolicy[]> {
  if (rules.requireRequester === true && !record.requesterKnown) {
    throw new VerdictError(403, 'requester_unknown', record.decisionId, 'The call names no session.user_id, so nobody may approve it.');
  }
  const covered = new Set(record.verdicts.flatMap((v) => v.policies));
  const eligible: ApprovalPolicy[] = [];
  let own = false;
  for (const policy of record.policies) {
    if (covered.has(policy.id)) continue;
    if (by === record.requester && policy.selfApproval !== true) {
      own = true;
      continue;
    }
    if (await isEligible(policy, by, record, rules)) eligible.push(policy);
  }
  if (eligible.length > 0) return eligible;
  const why = own ? 'the requester may not approve the own call' : 'this person is not among the approvers of any policy still open';
  throw new VerdictError(403, own ? 'self_approval' : 'not_an_approver', record.decisionId, `Refused: ${why}.`);
}

/** Whether there is any that this person may decide. */
export function mayDecide(record: ApprovalRecord, by: string, rules: EligibilityRules): Promise<boolean> {
  return eligiblePolicies(record, by, rules).then(
    () => true,
    () => false,
  );
}

async function isEligible(policy: ApprovalPolicy, by: string, record: ApprovalRecord, rules: EligibilityRules): Promise<boolean> {
  if (rules.mayApprove !== undefined) {
    try {
      return (await rules.mayApprove(by, record, policy)) === true;
    } catch {
      return false;
    }
  }
  if (policy.approvers === undefined) return true;
  const groups: Readonly<Record<string, unknown>> = rules.approverGroups ?? {};
  return policy.approvers.some((name) => {
    const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
    // a text instead of a list would let parts of a name through
    return Array.isArray(group) && group.includes(by);
  });
}
