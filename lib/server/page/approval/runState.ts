import { canonicalDigest } from '../../../common/data/canonical.js';
import { recordedSeats } from '../../../model/terms/recordedSeats.js';
import type { ApprovalCard, ApprovalRecord, RunOutcome } from '../../../store/ApprovalStore.js';

/** How a caller said that a run ended. */
export type RunReport = RunOutcome;

/**
 * What became of a call. `approved`: it may run, and has not yet. `late`: it was approved and not run in time. `running`: it was used, and its end is not known.
 * `unreported`: it was used long ago, and no one has said how it ended.
 */
export type RunState =
  'pending' | 'denied' | 'expired' | 'late' | 'withdrawn' | 'approved' | 'running' | 'unreported' | 'completed' | 'failed' | 'unknown';

/** A run of which nothing was heard for this long is shown as unreported, in milliseconds. */
const HEARD_MS = 3_600_000;

/** What became of the call of an approval. */
export function runState(record: ApprovalRecord, nowMs: number): RunState {
  const { status, consumed, begun, outcome } = record;
  return stateOf(status, (begun ?? consumed)?.atMs, recordedSeats(record).isCovered, outcome?.status, nowMs);
}

/** As {@link runState}, of a card: a run is taken to have begun when its last verdict was given. */
export function cardState({ status, consumed, decided, policies, outcome }: ApprovalCard, nowMs: number): RunState {
  const isApproved = policies.every(({ approved }) => approved === true);
  return stateOf(status, consumed ? (decided?.atMs ?? nowMs) : undefined, isApproved, outcome, nowMs);
}

/** Whether a call in this state may have done something. */
export function mayHaveRun(state: RunState): boolean {
  return ['running', 'unreported', 'completed', 'failed', 'unknown'].includes(state);
}

/** Whether the params of an approval are still there: stores drop them once it has ended. */
export function areKept({ params, digest }: Pick<ApprovalRecord, 'params' | 'digest'>): boolean {
  return Object.keys(params).length > 0 || digest === canonicalDigest({});
}

function stateOf(
  status: ApprovalRecord['status'],
  usedAtMs: number | undefined,
  isApproved: boolean,
  ended: RunReport['status'] | undefined,
  nowMs: number,
): RunState {
  if (usedAtMs !== undefined) return ended ?? (nowMs - usedAtMs > HEARD_MS ? 'unreported' : 'running');
  return status === 'expired' && isApproved ? 'late' : status;
}
