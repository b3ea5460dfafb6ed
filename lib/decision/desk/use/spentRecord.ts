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
  const { amendments, preview } = record;
  const kept = preview === undefined ? {} : { preview: withoutContent(preview) };
  const spent = { ...record, ...kept, params: NOTHING, originalParams: NOTHING, facts: NOTHING };
  return amendments === undefined ? spent : { ...spent, amendments: amendments.map(withoutValues) };
}

function withoutValues({ changes, ...amendment }: Amendment): Amendment {
  return { ...amendment, params: NOTHING, changes: changes.map(({ pointer }) => ({ pointer })) };
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
