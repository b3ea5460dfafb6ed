import { hostname } from 'node:os';
import type { ExecutingTask, Task } from '../../model/Task.js';
import type { ApprovalRecord } from '../ApprovalStore.js';
import { writeApproval } from './approvalRows.js';
import { pruneChanges } from './ChangeFeed.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import { TASK_COLUMNS, taskFromRow, writeChange, writeQuietly } from './taskRows.js';
import type { TaskRow } from './taskRows.js';
import { fromStoredText } from '../storedJson.js';
import { storeLimits } from '../storeLimits.js';
import { lapsed, renewed } from '../taskTransitions.js';
import type { SweptTasks } from '../TaskStore.js';

const LAPSED = `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_lease WHERE status = 'executing' AND lease_until <= ? ORDER BY lease_until LIMIT ?`;
const OWN = `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_lease WHERE status = 'executing' AND executor_id = ?`;
// a handle that never recorded a task is a desk: what it keeps is asked by callers elsewhere
const LONE = `SELECT approval.body FROM owner CROSS JOIN approval ON approval.owner_id = owner.owner_id WHERE owner.lease_until <= ?
  AND owner.has_tasks = 1 AND approval.status = 'pending' AND approval.tasked = 0 AND approval.created_at <= ? LIMIT ?`;

/** Says that this handle lives, and that time has come so far; renews what it executes. */
export function beatOnce(db: SqliteDatabase, leaseMs: number, nowMs: number): number {
  return db.write(() => {
    const now = db.clock(nowMs);
    db.run("INSERT INTO meta VALUES ('high_water_ms', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", now);
    present(db, now + leaseMs, now);
    for (const row of db.all<TaskRow>(OWN, db.ownerId)) {
      const next = renewed(taskFromRow(row), db.ownerId, now + leaseMs) as ExecutingTask;
      writeQuietly(db, row, next);
    }
    db.run('DELETE FROM owner WHERE lease_until < ?', now - storeLimits.ownerKeptMs);
    pruneChanges(db);
    return now;
  });
}

/** Notes that this handle records tasks. Its row may have been forgotten while the machine slept. */
export function notesTasks(db: SqliteDatabase, nowMs: number): void {
  if (db.run('UPDATE owner SET has_tasks = 1 WHERE owner_id = ?', db.ownerId).changes > 0) return;
  present(db, 0, nowMs);
  db.run('UPDATE owner SET has_tasks = 1 WHERE owner_id = ?', db.ownerId);
}

/** Ends what lapsed, and withdraws approvals whose process died before it recorded their task. Writes nothing where there is none. */
export function sweepOnce(
  db: SqliteDatabase,
  { nowMs, maxRuns, limit }: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number },
): SweptTasks {
  const lapsedRows = (): readonly TaskRow[] => db.all(LAPSED, db.clock(nowMs), limit);
  const lone = (): readonly { readonly body: string }[] =>
    db.all(LONE, db.clock(nowMs), db.clock(nowMs) - storeLimits.orphanAfterMs, limit);
  if (lapsedRows().length === 0 && lone().length === 0) return { unknown: [], reclaimed: [] };
  return db.write(() => {
    const ended = lapsedRows().map((row): Task => {
      const task = taskFromRow(row);
      return writeChange(db, row, task, lapsed(task, db.clock(nowMs), maxRuns) as Task);
    });
    for (const { body } of lone()) {
      const record = fromStoredText(body) as ApprovalRecord;
      writeApproval(db, { ...record, status: 'withdrawn', version: record.version + 1 }, record.version);
    }
    return { unknown: ended.filter((t) => t.status === 'unknown'), reclaimed: ended.filter((t) => t.status === 'approved') };
  });
}

function present(db: SqliteDatabase, leaseUntil: number, now: number): void {
  const values = [db.ownerId, leaseUntil, hostname(), process.pid, now];
  db.run(
    `INSERT INTO owner (owner_id, lease_until, host, pid, started_at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (owner_id) DO UPDATE SET lease_until = excluded.lease_until`,
    ...values,
  );
}
