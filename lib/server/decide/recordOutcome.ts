import { DAY_MS } from '../../common/time/SteadyClock.js';
import type { RunOutcome } from '../../decision/wire/readBody.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { RecordStore, StoredRecord } from '../../store/RecordStore.js';
import { OUTCOME_KIND } from '../tenant/sweepTenant.js';
import { RequestError } from '../front/RequestError.js';

/** How long they are kept, in milliseconds. */
const KEPT_MS: number = 90 * DAY_MS;

/** What a caller said of the run under an approval. */
export interface ReportedOutcome {
  readonly status: RunOutcome['status'];
  readonly errorCode?: string | undefined;
  /** When it said so, in epoch milliseconds. */
  readonly atMs: number;
}

/**
 * Keeps what a caller says of the run under an approval. The first word stands, but for `unknown`, which a later one replaces. The same word again is
 * the same.
 *
 * @throws RequestError 409 `outcome_conflict` where another word stands, or the approval was not used under this token
 */
export async function recordOutcome(records: RecordStore, approval: ApprovalRecord, outcome: RunOutcome, nowMs: number): Promise<void> {
  const { decisionId, agentId, consumed } = approval;
  if (consumed?.token !== outcome.token) throw conflict('the approval was not used under this token');
  const { status, errorCode } = outcome;
  const said: ReportedOutcome = { status, errorCode, atMs: nowMs };
  const record: StoredRecord = {
    kind: OUTCOME_KIND,
    id: decisionId,
    version: 1,
    index1: agentId,
    index2: status,
    createdAtMs: nowMs,
    deleteAfterMs: nowMs + KEPT_MS,
    body: JSON.stringify(said),
  };
  for (;;) {
    const before = await records.get(OUTCOME_KIND, decisionId);
    if (before === undefined) {
      if (await records.insert(record)) return;
    } else {
      if (before.index2 === status) return;
      if (before.index2 !== 'unknown') throw conflict('it was said before that the run ended otherwise');
      const { version, createdAtMs } = before;
      if (await records.replace({ ...record, createdAtMs, version: version + 1 }, version)) return;
    }
    // another word was first
  }
}

function conflict(why: string): RequestError {
  return new RequestError(409, 'outcome_conflict', `The outcome was not recorded: ${why}.`);
}
