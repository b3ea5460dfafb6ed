import type { ApprovalCard } from '../../../store/ApprovalStore.js';
import type { InboxView } from '../../page/list/inboxPage.js';
import type { Tenant } from '../../tenant/Tenant.js';

/** Policies of what waits that no one can decide, because none of the groups that they name has a member. Where that cannot be known, there is none. */
export async function emptyGroups(
  cards: readonly ApprovalCard[],
  { identity, desk }: Pick<Tenant, 'identity' | 'desk'>,
): Promise<InboxView['emptyGroups']> {
  const { approverGroups = {}, mayApprove, directory } = desk.options;
  // until someone is known, the operator of the host counts as a member of every group
  if (cards.length === 0 || mayApprove !== undefined || directory !== undefined || !(await identity.hasPeople())) return [];
  const { people } = await identity.people.list();
  const groups = new Set(Object.keys(approverGroups).filter((group) => approverGroups[group]?.length !== 0));
  for (const { status, groups: own, accounts } of people)
    if (status === 'active') for (const group of [...own, ...accounts.flatMap((account) => account.groups ?? [])]) groups.add(group);
  const policies = new Map<string, string>();
  for (const { id, approvers = [], escalate = [], approved } of cards.flatMap((card) => card.policies)) {
    const [first] = approvers;
    if (
      first !== undefined &&
      approved !== true &&
      ![...approvers, ...escalate.flatMap((step) => step.groups)].some((group) => groups.has(group))
    )
      policies.set(id, first);
  }
  return [...policies].map(([policy, group]) => ({ policy, group }));
}
