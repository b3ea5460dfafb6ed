import { randomUUID } from 'node:crypto';
import type { ViewerStanding } from '../../decision/desk/DeskVerdicts.js';
import { approversAt } from '../../model/terms/approversAt.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { mustShowAll } from '../decide/mustShowAll.js';
import { maySignInAgain, shownAllMark, standingOf } from '../decide/personVerdict.js';
import type { Viewer } from '../page/approval/decisionCard.js';
import type { CallerInput } from '../route/Route.js';
import { personOf } from '../decide/readerOf.js';

/**
 * What the person who asks for a page may do about an approval, and what it takes, as the desk says it.
 *
 * @param shown whether all of it is on the page
 */
export async function viewerOf(
  record: ApprovalRecord,
  input: Pick<CallerInput, 'caller' | 'tenant' | 'site'>,
  shown: { readonly all: boolean; readonly nowMs: number; readonly standing?: ViewerStanding | undefined },
): Promise<Viewer> {
  const { nowMs } = shown;
  const { personId, groups, formToken, sessionId } = personOf(input);
  const { identity } = input.tenant;
  const standing = shown.standing ?? (await standingOf(input, record.decisionId, shown.all));
  // who edits may leave the yes to somebody else
  const onlySaves = shown.standing?.why?.code === 'editor_approval' ? shown.standing.why.message : undefined;
  if (standing === undefined) return { may: false, why: 'It is gone.' };
  if (!standing.may && onlySaves === undefined) {
    const denies = standing.mayDeny && { denies: { formToken, key: randomUUID() } };
    return { may: false, why: (standing.why as NonNullable<ViewerStanding['why']>).message, seats: standing.seats, ...denies };
  }
  const { policies, needs } = standing;
  const mine = record.policies.filter(({ id }) => policies.includes(id));
  const own = new Set(groups);
  const signsIn = needs.passkey && sessionId !== undefined && (await maySignInAgain(input));
  const { decisionId, digest, version } = record;
  return {
    may: true,
    as: [...new Set(mine.flatMap((policy) => (approversAt(policy, nowMs - record.createdAtMs) ?? []).filter((group) => own.has(group))))],
    stillNeeded: stillNeeded(record, standing, nowMs),
    seats: standing.seats,
    ...(onlySaves !== undefined && { onlySaves }),
    needs: signsIn ? { ...needs, assurance: 'step-up' } : needs,
    hasPasskey: !needs.passkey || signsIn || (await identity.passkeys.list(personId)).length > 0,
    signedInAgainUntilMs: signsIn
      ? await identity.sessions.stepUpEnd(sessionId, { decisionId, digest, version, verdict: 'approve' })
      : undefined,
    formToken,
    key: randomUUID(),
    ...(shown.all && { shownAll: shownAllMark(input, record) }),
    mustShowAll: !shown.all && mustShowAll(record),
  };
}

/** Who else has to say yes after this person: the groups of each policy, once for each person. */
function stillNeeded(
  { policies, createdAtMs }: ApprovalRecord,
  { seatsAfter }: ViewerStanding,
  nowMs: number,
): readonly (readonly string[] | undefined)[] {
  return policies.flatMap((policy, i) => {
    const { needed, filledBy } = seatsAfter[i] as (typeof seatsAfter)[number];
    const groups = approversAt(policy, nowMs - createdAtMs);
    return Array.from({ length: needed - filledBy.length }, () => groups);
  });
}
