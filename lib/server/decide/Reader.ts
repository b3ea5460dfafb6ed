import { isSamePerson, maybeSamePerson } from '../../model/personId.js';
import { approversAt } from '../../model/terms/approversAt.js';
import type { ApprovalCard, CardPolicy } from '../../store/ApprovalStore.js';

/** The person who reads a list, as far as lists need to know them. */
export interface Reader {
  /** Every id of theirs. */
  readonly ids: readonly string[];
  readonly groups: ReadonlySet<string>;
  /** Whether it has the role to decide anything. */
  readonly isApprover: boolean;
  /** Whether it is the operator of the host, who counts as a member of every group while no one is known. */
  readonly isOperator: boolean;
}

/**
 * Whether an approval waits for this person, as far as its card says. The page of the approval asks the desk, which has the last word: rules of the program
 * are not on the card.
 */
export function isFor(
  card: Pick<ApprovalCard, 'policies' | 'requester' | 'createdAtMs'>,
  reader: Reader,
  nowMs: number = Date.now(),
): boolean {
  const { policies, createdAtMs } = card;
  if (!reader.isApprover) return false;
  const isOwn = isBy(card, reader, maybeSamePerson);
  const hasSeat = ({ filledBy = [] }: CardPolicy): boolean => filledBy.some((by) => isBy({ requester: by }, reader));
  // where people are kept apart, who has a seat takes no other one
  const isSeated = policies.some(({ distinct }) => distinct === true) && policies.some(hasSeat);
  return policies.some((policy) => {
    const { approved, selfApproval } = policy;
    const approvers = approversAt(policy, nowMs - createdAtMs);
    return (
      approved !== true &&
      !isSeated &&
      !hasSeat(policy) &&
      (!isOwn || selfApproval === true) &&
      (approvers === undefined || reader.isOperator || approvers.some((group) => reader.groups.has(group)))
    );
  });
}

/** Whether this person asked for it. */
export function isBy(
  { requester }: Pick<ApprovalCard, 'requester'>,
  { ids }: Reader,
  isSame: (a: string, b: string) => boolean = isSamePerson,
): boolean {
  return ids.some((id) => isSame(id, requester));
}
