import { nextId } from '../../common/ids.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';

/** What is asked of people: the record without what the desk itself fills in. */
export type ApprovalRequest = Omit<
  ApprovalRecord,
  'decisionId' | 'status' | 'verdicts' | 'consumed' | 'version' | 'createdAtMs' | 'expiresAtMs' | 'refusals'
> & { readonly timeoutMs: number };

/** Opened, or refused because a person has just refused the very same call. */
export type OpeningOutcome =
  { readonly kind: 'opened'; readonly record: ApprovalRecord } | { readonly kind: 'refused'; readonly reason: string };

/** The record of a new approval. */
export function openedRecord({ timeoutMs, ...opening }: ApprovalRequest, refusals: number, nowMs: number): ApprovalRecord {
  return {
    ...opening,
    decisionId: nextId('dec'),
    refusals,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + timeoutMs,
    status: 'pending',
    verdicts: [],
    version: 1,
  };
}

/** Why an equal call was refused after `sinceMs`, by the latest who refused it; `undefined` where nobody did. */
export function standingRefusal(denied: readonly ApprovalRecord[], opening: ApprovalRequest, sinceMs: number): string | undefined {
  const standing = denied.findLast(
    (record) =>
      record.originalDigest === opening.originalDigest &&
      record.sessionDigest === opening.sessionDigest &&
      record.guardKey === opening.guardKey &&
      (record.verdicts.at(-1)?.atMs ?? 0) > sinceMs,
  );
  return standing && (standing.verdicts.at(-1)?.reason ?? 'a person refused this call');
}

/** How many of them were refused since then. */
export function countSince(denied: readonly ApprovalRecord[], sinceMs: number): number {
  return denied.filter((record) => (record.verdicts.at(-1)?.atMs ?? 0) >= sinceMs).length;
}
