import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { ApprovalRecord, ApprovalStore } from '../../store/ApprovalStore.js';
import type { RunReport } from '../DecisionService.js';

/** What became of a report. `not_used`: the approval was not used under this token. `conflict`: another word stands. */
export type OutcomeRecording = 'recorded' | 'not_used' | 'conflict';

/** Resolves to `undefined` where another change was first, or where this process may not change the record. */
export type CommitOutcome = (
  record: ApprovalRecord,
  change: Pick<ApprovalRecord, 'status' | 'outcome'>,
) => Awaitable<ApprovalRecord | undefined>;

/**
 * Keeps how the run under a used approval ended. The first word stands, but for `unknown`, which a later one replaces. The same word again is the same.
 *
 * @param seen the version that could not be replaced: if it is still there, the store does not take the change
 */
export function recordOutcome(
  report: RunReport,
  store: Pick<ApprovalStore, 'get'>,
  commit: CommitOutcome,
  nowMs: number,
  seen?: number,
): Awaitable<OutcomeRecording> {
  const { decisionId, token, status, errorCode } = report;
  return chain(store.get(decisionId), (record) => {
    if (record?.consumed?.token !== token) return 'not_used';
    const stands = record.outcome?.status;
    if (stands === status) return 'recorded';
    if ((stands !== undefined && stands !== 'unknown') || record.version === seen) return 'conflict';
    const outcome = errorCode === undefined ? { status, atMs: nowMs } : { status, errorCode, atMs: nowMs };
    return chain(commit(record, { status: record.status, outcome }), (done) =>
      done === undefined ? recordOutcome(report, store, commit, nowMs, record.version) : 'recorded',
    );
  });
}
