import type { ApprovalRecord } from '../ApprovalStore.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import { recordChange } from './ChangeFeed.js';
import { toStoredJson } from '../storedJson.js';

/**
 * Replaces an approval that still is at that version, and records the change. If it is no longer pending, the task that waits for it becomes due in the
 * same transaction, so that no crash can come between a verdict and its task.
 */
export function writeApprovalRow(db: SqliteDatabase, record: ApprovalRecord, version: number): boolean {
  const { decisionId, status } = record;
  const shown = [status, record.version, record.agentId, record.toolName, record.expiresAtMs, record.verdicts.at(-1)?.atMs ?? 0];
  const taken = db.run(
    `UPDATE approval SET status = ?, version = ?, agent_id = ?, tool_name = ?, expires_at = ?, decided_at = ?, body = ?
      WHERE decision_id = ? AND version = ?`,
    ...shown,
    toStoredJson(record),
    decisionId,
    version,
  );
  if (taken.changes === 0) return false;
  recordApprovalChange(db, record);
  if (status !== 'pending')
    db.run(
      `UPDATE task SET decided = 1, next_check_at = 0 WHERE ord = (SELECT ord FROM task_decision WHERE decision_id = ?)
        AND decision_id = ? AND status = 'pending'`,
      decisionId,
      decisionId,
    );
  return true;
}

/** Records the change of an approval that has just been written. */
export function recordApprovalChange(db: SqliteDatabase, { decisionId, version, status }: ApprovalRecord): void {
  const seq = recordChange(db, { kind: 'approval', id: decisionId, version, status, from: undefined });
  db.run('UPDATE approval SET seq = ? WHERE decision_id = ?', seq, decisionId);
}
