import { setOwn } from '../../common/data/plainObject.js';
import type { ExecutingTask, PendingTask, Task } from '../../model/Task.js';
import { freezeDeep, frozenData } from '../../model/snapshot/frozenData.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import { recordChange } from './ChangeFeed.js';
import { soundTask } from '../task/soundTask.js';
import type { TaskColumns } from '../task/soundTask.js';
import { fromStoredJson, toStoredJson } from '../storedJson.js';
import { storedSummary } from '../storedSummary.js';
import { storedCard } from '../approval/approvalCard.js';
import type { ApprovalCard, ApprovalRecord } from '../ApprovalStore.js';

/** A task as it is read. */
export interface TaskRow {
  readonly ord: number;
  readonly body: string;
}

export const TASK_COLUMNS = 'task.ord, task.body';

/** A task as it is read among many. */
export type CheckedRow = TaskRow & TaskColumns;
export const CHECKED_COLUMNS: string = `${TASK_COLUMNS}, task.task_id, task.decision_id, task.status, task.version`;

/** {@link taskFromRow} where the row is one that a store wrote. */
export function soundTaskFromRow(row: CheckedRow): Task | undefined {
  return soundTask(row, () => taskFromRow(row));
}

/** The task of a row: a new object each time, frozen like those of every other store. */
export function taskFromRow({ body }: TaskRow): Task {
  const task = fromStoredJson(body) as Record<string, unknown>;
  // the text lacks fields that are undefined, but every task has them
  const fields = ['reason', 'retryOf', 'origin', ...(task['status'] === 'completed' ? ['result'] : [])];
  for (const field of fields) if (!Object.hasOwn(task, field)) setOwn(task, field, undefined);
  return freezeDeep(task) as unknown as Task;
}

/** Reads the row of a task. */
export function readTask(db: SqliteDatabase, taskId: string): TaskRow | undefined {
  return db.get(`SELECT ${TASK_COLUMNS} FROM task WHERE task_id = ?`, taskId);
}

/** Reads the row of the task that has or had that approval. */
export function readDecision(db: SqliteDatabase, decisionId: string): TaskRow | undefined {
  return db.get(`SELECT ${TASK_COLUMNS} FROM task_decision JOIN task USING (ord) WHERE task_decision.decision_id = ?`, decisionId);
}

/** Writes a new task, whose ids are known to be free. */
export function writeNew(db: SqliteDatabase, task: PendingTask): void {
  const { taskId, decisionId, agentId, originalDigest, sessionDigest, origin, createdAtMs, updatedAtMs, expiresAtMs } = task;
  const seq = recordChange(db, { kind: 'task', id: taskId, version: task.version, status: task.status, from: undefined });
  const call = [
    taskId,
    decisionId,
    task.status,
    task.version,
    task.guardKey,
    agentId,
    task.toolName,
    task.mode,
    originalDigest,
    sessionDigest,
  ];
  const kept = [origin?.ownerId ?? db.ownerId, origin?.resumable === true ? 1 : 0, createdAtMs, updatedAtMs, expiresAtMs];
  const { id } = db.run(
    `INSERT INTO task (task_id, decision_id, status, version, guard_key, agent_id, tool_name, mode, original_digest, session_digest, owner_id,
      resumable, created_at, updated_at, expires_at, decided, seq, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${DECIDED}, ?, ?)`,
    ...call,
    ...kept,
    decisionId,
    seq,
    toStoredJson(task),
  );
  const card = [id, task.status, agentId, task.toolName, storedSummary(task)];
  db.run('INSERT INTO task_card (ord, status, agent_id, tool_name, card) VALUES (?, ?, ?, ?, ?)', ...card);
  takeDecision(db, id, decisionId);
}

/** Writes what became of a task, records the change, and returns the task as it now is in the store. */
export function writeChange(db: SqliteDatabase, row: TaskRow, task: Task, next: Task): Task {
  const { taskId, decisionId, status, version, updatedAtMs, expiresAtMs } = next;
  const { leaseUntilMs = null, executorId = null } = next as Partial<ExecutingTask>;
  const body = toStoredJson(next);
  const seq = recordChange(db, { kind: 'task', id: taskId, version, status, from: task.status });
  if (decisionId !== task.decisionId) takeDecision(db, row.ord, decisionId);
  const values = [decisionId, status, version, updatedAtMs, expiresAtMs, decisionId, leaseUntilMs, executorId, seq, body, row.ord];
  db.run(
    `UPDATE task SET decision_id = ?, status = ?, version = ?, updated_at = ?, expires_at = ?, next_check_at = 0, decided = ${DECIDED},
      lease_until = ?, executor_id = ?, seq = ?, body = ? WHERE ord = ?`,
    ...values,
  );
  db.run('UPDATE task_card SET status = ?, card = ? WHERE ord = ?', status, storedSummary(next), row.ord);
  // a claim and the plain data of a result would be read back as they were written; everything else is read back to be sure
  return status === 'executing' || (status === 'completed' && task.status === 'executing')
    ? frozenData(next)
    : taskFromRow({ ...row, body });
}

/** Writes a renewed lease or a poll more, which is no change of the task. */
export function writeQuietly(db: SqliteDatabase, row: TaskRow, next: Task): Task {
  const body = toStoredJson(next);
  db.run('UPDATE task SET lease_until = ?, body = ? WHERE ord = ?', (next as Partial<ExecutingTask>).leaseUntilMs ?? null, body, row.ord);
  return taskFromRow({ ...row, body });
}

/** A verdict may come before the task that waits for it. */
const DECIDED = "EXISTS (SELECT 1 FROM approval WHERE decision_id = ? AND status <> 'pending')";

function takeDecision(db: SqliteDatabase, ord: number, decisionId: string): void {
  db.run('INSERT INTO task_decision (decision_id, ord) VALUES (?, ?)', decisionId, ord);
  db.run('UPDATE approval SET tasked = 1 WHERE decision_id = ?', decisionId);
}

/** By whom and how an approval is written. */
export interface ApprovalWrite {
  /** The only tenant whose approval is replaced; `undefined` where the store itself ends one. */
  readonly tenantId?: string | undefined;
  /** How long it is kept after it has expired, in milliseconds. */
  readonly keepMs?: number | undefined;
  /** What pages show of it, signed. */
  readonly card?: ApprovalCard | undefined;
}

/**
 * Replaces an approval that still is at that version, and records the change. If it is no longer pending, the task that waits for it becomes due in the
 * same transaction, so that no crash can come between a verdict and its task.
 */
export function writeApprovalRow(db: SqliteDatabase, record: ApprovalRecord, version: number, write: ApprovalWrite = {}): boolean {
  const { decisionId, status } = record;
  const shown = [status, record.version, record.agentId, record.toolName, record.expiresAtMs, record.verdicts.at(-1)?.atMs ?? 0];
  const { tenantId = null, keepMs = 0, card } = write;
  const taken = db.run(
    `UPDATE approval SET status = ?, version = ?, agent_id = ?, tool_name = ?, expires_at = ?, decided_at = ?, body = ?, card = ?, card_version = ?,
      keep_until = max(keep_until, ?) WHERE decision_id = ? AND version = ? AND tenant_id = coalesce(?, tenant_id)`,
    ...shown,
    toStoredJson(record),
    storedCard(record, card),
    record.version,
    keepMs === 0 ? 0 : record.expiresAtMs + keepMs,
    decisionId,
    version,
    tenantId,
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
