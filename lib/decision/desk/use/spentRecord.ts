import type { ApprovalPreview } from '../../../model/preview/CallPreview.js';
import type { Amendment, ApprovalRecord } from '../../../store/ApprovalStore.js';

const NOTHING: Readonly<Record<string, never>> = Object.freeze({});

/**
 * An approval that has been used, or has ended without a yes: nothing needs its params and facts now, and they can be large. Their digests stay, so that
 * it can still be compared with a call. What a person has made of the params stays until the run has ended: only the desk has that.
 */
export function spentRecord(record: ApprovalRecord): ApprovalRecord {
  const isOpen = record.status === 'pending' || (record.status === 'approved' && record.consumed === undefined);
  if (isOpen) return record;
  const { amendments, preview } = record;
  const kept = preview === undefined ? {} : { preview: withoutContent(preview) };
  const spent = { ...record, ...kept, params: NOTHING, originalParams: NOTHING, facts: NOTHING };
  if (amendments === undefined) return spent;
  const last = amendments.length - 1;
  return {
    ...spent,
    amendments: amendments.map((one, i) => ({ ...withoutValues(one), ...(i === last && mayRun(record) && { params: one.params }) })),
  };
}

/** Whether it is used and has not run yet: a halt, or a crash, may have come between, and then the edited call is decided afresh once more. */
function mayRun({ status, usedByAnswer, outcome }: ApprovalRecord): boolean {
  return status === 'approved' && usedByAnswer !== true && outcome === undefined;
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
