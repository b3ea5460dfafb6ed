import type { ApprovalCard, ApprovalRecord } from '../../../store/ApprovalStore.js';

/** How a caller said that a run ended. */
export interface RunReport {
  readonly status: 'completed' | 'failed' | 'unknown';
  readonly errorCode?: string | undefined;
  /** When it said so, in epoch milliseconds. */
  readonly atMs: number;
}

/**
 * What became of a call. `approved`: it may run, and has not yet. `late`: it was approved and not run in time. `running`: it was used, and its end is not known.
 * `unreported`: it was used long ago, and no one has said how it ended.
 */
export type RunState =
  'pending' | 'denied' | 'expired' | 'late' | 'withdrawn' | 'approved' | 'running' | 'unreported' | 'completed' | 'failed' | 'unknown';

/** A run of which nothing was heard for this long is shown as unreported, in milliseconds. */
const HEARD_MS = 3_600_000;

/** What became of the call of an approval. */
export function runState(record: ApprovalRecord, report: RunReport | undefined, nowMs: number): RunState {
  const { status, consumed, begun, policies, verdicts } = record;
  const approved = new Set(verdicts.flatMap((verdict) => (verdict.approve ? verdict.policies : [])));
  return stateOf(
    status,
    (begun ?? consumed)?.atMs,
    policies.every(({ id }) => approved.has(id)),
    report,
    nowMs,
  );
}

/** As {@link runState}, of a card: a run is taken to have begun when its last verdict was given. */
export function cardState({ status, consumed, decided, policies }: ApprovalCard, report: RunReport | undefined, nowMs: number): RunState {
  const isApproved = policies.every(({ approved }) => approved === true);
  return stateOf(status, consumed ? (decided?.atMs ?? nowMs) : undefined, isApproved, report, nowMs);
}

/** Whether a call in this state may have done something. */
export function mayHaveRun(state: RunState): boolean {
  return ['running', 'unreported', 'completed', 'failed', 'unknown'].includes(state);
}

function stateOf(
  status: ApprovalRecord['status'],
  usedAtMs: number | undefined,
  isApproved: boolean,
  report: RunReport | undefined,
  nowMs: number,
): RunState {
  if (usedAtMs !== undefined) return report?.status ?? (nowMs - usedAtMs > HEARD_MS ? 'unreported' : 'running');
  return status === 'expired' && isApproved ? 'late' : status;
}
