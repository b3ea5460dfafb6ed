import type { Awaitable } from '../../common/awaitable.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../store/ApprovalStore.js';

/** The rules that say who may decide an approval. */
export interface EligibilityRules {
  /** People by group, for `@approvers`: `{ 'finance-leads': ['ann', 'bob'] }`. A group that is missing or empty has no members. */
  readonly approverGroups?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Says whether a person may decide what one policy asks; used instead of `approverGroups` where given. A throw counts as no. */
  readonly mayApprove?: ((by: string, request: ApprovalRecord, policy: ApprovalPolicy) => Awaitable<boolean>) | undefined;
  /**
   * Refuses verdicts on calls whose session has no `user_id`: without one, the approver could be the requester.
   *
   * @defaultValue false
   */
  readonly requireRequester?: boolean | undefined;
}

/**
 * The approval policies that a person may decide, of those that still lack a verdict.
 *
 * @throws VerdictError 403 with the reason, if there are none
 */
export async function eligiblePolicies(record: ApprovalRecord, by: string, rules: EligibilityRules): Promise<readonly ApprovalPolicy[]> {
  if (rules.requireRequester === true && !record.requesterKnown) {
    throw new VerdictError(
      403,
      'requester_unknown',
      record.decisionId,
      'The session of this call has no user_id, and requireRequester demands one, so no one can decide it. Set session.user_id on the guard.',
    );
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
  const [code, why] = own
    ? (['self_approval', 'You cannot approve your own request.'] as const)
    : (['not_an_approver', 'You are not an approver of any policy that is still open; ask one of its approvers.'] as const);
  throw new VerdictError(403, code, record.decisionId, why);
}

/** Whether this person may decide at least one policy. */
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
    // a string instead of an array would match parts of a name
    return Array.isArray(group) && group.includes(by);
  });
}
