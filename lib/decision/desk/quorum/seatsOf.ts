import { approversAt } from '../../../model/terms/approversAt.js';
import { areFilled } from '../../../model/terms/fillSeats.js';
import type { PolicySeats } from '../../../model/terms/fillSeats.js';
import { OPERATOR } from '../../../model/terms/isHostOperator.js';
import { isOneOf, seatsFrom } from '../../../model/terms/recordedSeats.js';
import type { CountedPerson, Seats } from '../../../model/terms/recordedSeats.js';
import type { ApprovalPolicy, ApprovalRecord, Verdict } from '../../../store/ApprovalStore.js';
import { isMember } from './PeopleSnapshot.js';
import type { GiverNow, PeopleSnapshot } from './PeopleSnapshot.js';

/** The parts of an approval on which its seats depend. */
export type SeatedApproval = Pick<ApprovalRecord, 'policies' | 'createdAtMs'> & {
  readonly verdicts: readonly Pick<Verdict, 'approve' | 'by' | 'assurance' | 'atMs' | 'policies'>[];
};

/** Whether a yes counts for a policy now; `unsure` where the groups of the person are not all known. */
type Standing = 'counts' | 'out' | 'unsure';

/**
 * Which seats of an approval are filled, and by whom: a pure function of the approval and of what is known of people. A yes counts for a policy while its giver
 * may decide, is not the person who asks or who edited the call, and is in a group that could decide when the yes was given. Two ids of one person are one person.
 *
 * @param unsure whether a yes counts of which that is not known for now
 */
export function seatsOf(record: SeatedApproval, snapshot: PeopleSnapshot, unsure = false): Seats {
  const yes = record.verdicts.flatMap((verdict, i) => {
    const giver = snapshot.givers[i];
    if (!verdict.approve || giver === undefined) return [];
    const policies = record.policies.filter((policy) => {
      const standing = standingFor(policy, verdict, giver, record, snapshot);
      return standing === 'counts' || (standing === 'unsure' && unsure);
    });
    return policies.length === 0 ? [] : [personOf(giver, policies)];
  });
  return seatsFrom(record, yes);
}

/** The seats if someone says yes as well. */
export function seatsWith({ asked, people }: Pick<Seats, 'asked' | 'people'>, yes: CountedPerson): Seats {
  return seatsFrom({ policies: asked, verdicts: [] }, [...people, yes]);
}

/** A giver with the policies that their yes may count for. */
export function personOf(
  giver: Pick<GiverNow, 'by' | 'person' | 'isOperator'>,
  policies: readonly Pick<ApprovalPolicy, 'id'>[],
): CountedPerson {
  const { by, person, isOperator } = giver;
  const known = person === undefined ? [] : [person.id, ...person.ids];
  return { by, ids: [by, ...known, ...(isOperator ? [OPERATOR] : [])], policies: new Set(policies.map(({ id }) => id)) };
}

/** The policies for which a person has said yes already, under any of their ids. */
export function backedPolicies({ people }: Pick<Seats, 'people'>, ids: readonly string[]): ReadonlySet<string> {
  return new Set(people.filter((one) => isOneOf(one.ids, ids)).flatMap(({ policies }) => [...policies]));
}

/**
 * The policies for which another yes may still matter: those with an open seat, and, where some take people who count for no other one, those whose people
 * could take a seat elsewhere. Where all have their people and none was asked since, each of them.
 */
export function openPolicies({ policies: seats }: Pick<Seats, 'policies'>, policies: readonly ApprovalPolicy[]): readonly ApprovalPolicy[] {
  if (areFilled(seats)) return policies;
  const isApart = policies.some(({ distinct }) => distinct === true);
  return policies.filter((_, i) => {
    const { filledBy, needed } = seats[i] as PolicySeats<CountedPerson>;
    return filledBy.length < needed || (isApart && filledBy.some((person) => person.policies.size > 1));
  });
}

function standingFor(
  policy: ApprovalPolicy,
  verdict: SeatedApproval['verdicts'][number],
  giver: GiverNow,
  { createdAtMs }: SeatedApproval,
  { requester, editors, notForEditors, groups, asksProgram }: PeopleSnapshot,
): Standing {
  if (!verdict.policies.includes(policy.id)) return 'out';
  const { ids } = personOf(giver, []);
  if (policy.selfApproval !== true && isOneOf(requester, ids)) return 'out';
  if (notForEditors.has(policy.id) && isOneOf(editors, ids)) return 'out';
  if (giver.isVouchedFor || asksProgram) return 'counts';
  const approvers = approversAt(policy, verdict.atMs - createdAtMs);
  if (approvers === undefined || isMember(approvers, giver, groups)) return 'counts';
  return giver.person?.groupsIncomplete === true ? 'unsure' : 'out';
}
