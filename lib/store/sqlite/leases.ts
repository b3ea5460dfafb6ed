import { hostname } from 'node:os';
import type { ExecutingTask, Task } from '../../model/Task.js';
import type { ApprovalRecord } from '../ApprovalStore.js';
import { writeApproval } from './approvalRows.js';
import { pruneChanges } from './ChangeFeed.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import { TASK_COLUMNS, taskOf, writeChange, writeQuietly } from './taskRows.js';
import type { TaskRow } from './taskRows.js';
import { fromStoredText } from '../storedJson.js';
import { lapsed, renewed } from '../taskTransitions.js';
import type { SweptTasks } from '../TaskStore.js';

/** How long an approval may be without the task that its process was about to record, in milliseconds. */
const LONE_MS = 60_000;
/** How long a handle that died is remembered, in milliseconds. */
const FORGOTTEN_MS = 7 * 86_400_000;

const LAPSED = `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_lease WHERE status = 'executing' AND lease_until <= ? ORDER BY lease_until LIMIT ?`;
const OWN = `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_lease WHERE status = 'executing' AND owner = ?`;
// a handle that never recorded a task is a desk: what it keeps is asked by callers elsewhere
const LONE = `SELECT approval.body FROM owner CROSS JOIN approval ON approval.home = owner.owner WHERE owner.lease_until <= ?
  AND owner.has_tasks = 1 AND approval.status = 'pending' AND approval.tasked = 0 AND approval.created_at <= ? LIMIT ?`;

/** Says that this handle lives, and that time has come so far; renews what it executes. */
export function beatOnce(db: SqliteDatabase, leaseMs: number, nowMs: number): number {
  return db.write(() => {
    const now = db.clock(nowMs);
    db.run("INSERT INTO meta VALUES ('high_water_ms', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", now);
    present(db, now + leaseMs, now);
    for (const row of db.all<TaskRow>(OWN, db.owner)) {
      const next = renewed(taskOf(row), db.owner, now + leaseMs) as ExecutingTask;
      writeQuietly(db, row, next);
    }
    db.run('DELETE FROM owner WHERE lease_until < ?', now - FORGOTTEN_MS);
    pruneChanges(db);
    return now;
  });
}

/** Notes that this handle records tasks. Its row may have been forgotten while the machine slept. */
export function notesTasks(db: SqliteDatabase, nowMs: number): void {
  if (db.run('UPDATE owner SET has_tasks = 1 WHERE owner = ?', db.owner).changes > 0) return;
  present(db, 0, nowMs);
  db.run('UPDATE owner SET has_tasks = 1 WHERE owner = ?', db.owner);
}

/** Ends what lapsed, and withdraws approvals whose process died before it recorded their task. Writes nothing where there is none. */
export function sweepOnce(
  db: SqliteDatabase,
  { nowMs, maxRuns, limit }: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number },
): SweptTasks {
  const lapsedRows = (): readonly TaskRow[] => db.all(LAPSED, db.clock(nowMs), limit);
  const lone = (): readonly { readonly body: string }[] => db.all(LONE, db.clock(nowMs), db.clock(nowMs) - LONE_MS, limit);
  if (lapsedRows().length === 0 && lone().length === 0) return { unknown: [], reclaimed: [] };
  return db.write(() => {
    const ended = lapsedRows().map((row): Task => {
      const task = taskOf(row);
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
  const values = [db.owner, leaseUntil, hostname(), process.pid, now];
  db.run(
    `INSERT INTO owner (owner, lease_until, host, pid, started_at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (owner) DO UPDATE SET lease_until = excluded.lease_until`,
    ...values,
  );
}
