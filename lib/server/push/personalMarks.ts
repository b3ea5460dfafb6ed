import { cardPolicies } from '../../store/approval/approvalCard.js';
import type { ApprovalRecord, CardPolicy, Verdict } from '../../store/ApprovalStore.js';
import { isBy, isFor } from '../decide/Reader.js';
import type { Reader } from '../decide/Reader.js';
import type { HubEvent, PersonalPart } from './EventHub.js';

/** A policy that still lacks its yes, as far as it says who may decide. */
type OpenPolicy = Omit<CardPolicy, 'severity'>;

/**
 * What an event says to each person by itself: whether one approval more, or one less, waits for them (`waits`: 1 or -1), and whether it was asked for in their
 * name (`mine`). As far as lists know it: see {@link isFor}.
 */
export function personalMarks(type: HubEvent['type'], record: ApprovalRecord): PersonalPart<Reader> {
  const { requester, createdAtMs } = record;
  const [before, now] = waitedFor(type, record);
  return {
    bytes: Buffer.byteLength(requester) + JSON.stringify(before).length + JSON.stringify(now).length,
    of(reader) {
      const waits =
        Number(isFor({ policies: now, requester, createdAtMs }, reader)) -
        Number(isFor({ policies: before, requester, createdAtMs }, reader));
      return { ...(waits !== 0 && { waits }), ...(isBy({ requester }, reader) && { mine: true }) };
    },
  };
}

/** The policies for which an approval waited before an event, and for which it waits now. */
function waitedFor(type: HubEvent['type'], record: ApprovalRecord): readonly [before: readonly OpenPolicy[], now: readonly OpenPolicy[]] {
  const { status, verdicts } = record;
  const isPending = status === 'pending';
  // what happens to an approval that was decided changes nothing for those who decide
  if (type === 'changed' && !isPending) return [[], []];
  const now = isPending ? openOf(record, verdicts) : [];
  if (type === 'requested') return [[], now];
  const isByVerdict = type === 'changed' || status === 'approved' || status === 'denied';
  return [openOf(record, isByVerdict ? verdicts.slice(0, -1) : verdicts), now];
}

function openOf(record: ApprovalRecord, verdicts: readonly Verdict[]): readonly OpenPolicy[] {
  return cardPolicies({ ...record, verdicts }).flatMap(({ severity: _severity, ...policy }) => (policy.approved === true ? [] : [policy]));
}
