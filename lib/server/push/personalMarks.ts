import type { ApprovalPolicy, ApprovalRecord, Verdict } from '../../store/ApprovalStore.js';
import { isBy, isFor } from '../decide/Reader.js';
import type { Reader } from '../decide/Reader.js';
import type { HubEvent, PersonalPart } from './EventHub.js';

/** A policy that still lacks its yes, as far as it says who may decide. */
type OpenPolicy = Pick<ApprovalPolicy, 'approvers' | 'selfApproval' | 'id'>;

/**
 * What an event says to each person by itself: whether one approval more, or one less, waits for them (`waits`: 1 or -1), and whether it was asked for in their
 * name (`mine`). As far as lists know it: see {@link isFor}.
 */
export function personalMarks(type: HubEvent['type'], record: ApprovalRecord): PersonalPart<Reader> {
  const { requester } = record;
  const [before, now] = waitedFor(type, record);
  return {
    bytes: Buffer.byteLength(requester) + JSON.stringify(before).length + JSON.stringify(now).length,
    of(reader) {
      const waits = Number(isFor({ policies: now, requester }, reader)) - Number(isFor({ policies: before, requester }, reader));
      return { ...(waits !== 0 && { waits }), ...(isBy({ requester }, reader) && { mine: true }) };
    },
  };
}

/** The policies for which an approval waited before an event, and for which it waits now. */
function waitedFor(
  type: HubEvent['type'],
  { status, policies, verdicts }: ApprovalRecord,
): readonly [before: readonly OpenPolicy[], now: readonly OpenPolicy[]] {
  const isPending = status === 'pending';
  // what happens to an approval that was decided changes nothing for those who decide
  if (type === 'changed' && !isPending) return [[], []];
  const now = isPending ? openOf(policies, verdicts) : [];
  if (type === 'requested') return [[], now];
  const isByVerdict = type === 'changed' || status === 'approved' || status === 'denied';
  return [openOf(policies, isByVerdict ? verdicts.slice(0, -1) : verdicts), now];
}

function openOf(policies: readonly ApprovalPolicy[], verdicts: readonly Verdict[]): readonly OpenPolicy[] {
  const covered = new Set(verdicts.flatMap((verdict) => verdict.policies));
  return policies.filter(({ id }) => !covered.has(id)).map(({ id, approvers, selfApproval }) => ({ id, approvers, selfApproval }));
}
