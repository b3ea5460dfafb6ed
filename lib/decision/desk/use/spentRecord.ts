import type { ApprovalPreview } from '../../../model/preview/CallPreview.js';
import type { Amendment, ApprovalRecord } from '../../../store/ApprovalStore.js';

const NOTHING: Readonly<Record<string, never>> = Object.freeze({});

/**
 * An approval that has been used, or has ended without a yes: nothing needs its params and facts now, and they can be large. Their digests stay, so that
 * it can still be compared with a call.
 */
export function spentRecord(record: ApprovalRecord): ApprovalRecord {
  const isOpen = record.status === 'pending' || (record.status === 'approved' && record.consumed === undefined);
  if (isOpen) return record;
  const { amendments, outcome, preview, status } = record;
  const kept = preview === undefined ? {} : { preview: withoutContent(preview) };
  const spent = { ...record, ...kept, params: NOTHING, originalParams: NOTHING, facts: NOTHING };
  if (amendments === undefined) return spent;
  // after a crash, one that was used and has not run to its end is decided once more, by what its last editor made of it
  const mayBegin = status === 'approved' && outcome === undefined;
  return { ...spent, amendments: amendments.map((one, i) => withoutValues(one, mayBegin && i === amendments.length - 1)) };
}

function withoutValues({ changes, params, ...amendment }: Amendment, keepsParams: boolean): Amendment {
  return { ...amendment, params: keepsParams ? params : NOTHING, changes: changes.map(({ pointer }) => ({ pointer })) };
}

function withoutContent({ of, digest, failure }: ApprovalPreview): ApprovalPreview {
  return { of, digest, ...(failure !== undefined && { failure }) };
}

/** Whether its time has passed without its use. */
export function isOver(
  { status, expiresAtMs }: Pick<ApprovalRecord, 'status' | 'expiresAtMs'>,
  isConsumed: boolean,
  nowMs: number,
): boolean {
  return nowMs >= expiresAtMs && !isConsumed && (status === 'pending' || status === 'approved');
}
