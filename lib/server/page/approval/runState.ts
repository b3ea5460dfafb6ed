import type { ApprovalRecord } from '../../../store/ApprovalStore.js';

/** How a caller said that a run ended. */
export interface RunReport {
  readonly status: 'completed' | 'failed' | 'unknown';
  readonly errorCode?: string | undefined;
  /** When it said so, in epoch milliseconds. */
  readonly atMs: number;
}

/**
 * What became of a call. `approved`: it may run, and has not yet. `running`: it has begun, and its end is not known. `unreported`: it was used long ago, and no
 * one has said how it ended.
 */
export type RunState =
  'pending' | 'denied' | 'expired' | 'late' | 'withdrawn' | 'approved' | 'running' | 'unreported' | 'completed' | 'failed' | 'unknown';

/** A run of which nothing was heard for this long is shown as unreported, in milliseconds. */
const HEARD_MS = 3_600_000;

/** What became of a call, from its approval and what its caller said of the run. */
export function runState(
  { status, consumed, begun, policies, verdicts }: ApprovalRecord,
  report: RunReport | undefined,
  nowMs: number,
): RunState {
  if (consumed !== undefined) {
    if (report !== undefined) return report.status;
    return nowMs - (begun ?? consumed).atMs > HEARD_MS ? 'unreported' : 'running';
  }
  if (status !== 'expired') return status;
  const approved = new Set(verdicts.flatMap((verdict) => (verdict.approve ? verdict.policies : [])));
  return policies.every(({ id }) => approved.has(id)) ? 'late' : 'expired';
}

/** Whether a call in this state may have done something. */
export function mayHaveRun(state: RunState): boolean {
  return ['running', 'unreported', 'completed', 'failed', 'unknown'].includes(state);
}
