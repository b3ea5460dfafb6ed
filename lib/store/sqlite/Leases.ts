import { hostname } from 'node:os';
import type { Task } from '../../model/Task.js';
import type { ApprovalRecord } from '../ApprovalStore.js';
import { CHECKED_COLUMNS, soundTaskFromRow, TASK_COLUMNS, taskFromRow, writeApprovalRow, writeChange, writeQuietly } from './rows.js';
import { pruneChanges } from './ChangeFeed.js';
import type { SqliteDatabase } from './SqliteDatabase.js';
import type { CheckedRow, TaskRow } from './rows.js';
import { fromStoredJson } from '../storedJson.js';
import { storeLimits } from '../storeLimits.js';
import { lapsed, renewed } from '../taskTransitions.js';
import type { SweptTasks } from '../TaskStore.js';

const LAPSED = `SELECT ${CHECKED_COLUMNS} FROM task INDEXED BY task_lease WHERE status = 'executing' AND lease_until <= ? ORDER BY lease_until LIMIT ?`;
const OWN = `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_lease WHERE status = 'executing' AND executor_id = ?`;
// a handle that never recorded a task only decides: the callers of its approvals, and their tasks, are elsewhere
const ORPHANS = `SELECT approval.body FROM owner CROSS JOIN approval ON approval.owner_id = owner.owner_id WHERE owner.lease_until <= ?
  AND owner.has_tasks = 1 AND approval.status = 'pending' AND approval.tasked = 0 AND approval.created_at <= ? LIMIT ?`;

/** Renews the leases of this handle, and ends what dead handles left. */
export class Leases {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  /** Renews the lease of this handle and of what it executes, and records the time. */
  heartbeat(leaseMs: number, nowMs: number): number {
    const db = this.#db;
    return db.write(() => {
      const now = db.clock(nowMs);
      db.run("INSERT INTO meta VALUES ('high_water_ms', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", now);
      this.#writeOwner(now + leaseMs, now);
      for (const row of db.all<TaskRow>(OWN, db.ownerId)) {
        const next = renewed(taskFromRow(row), db.ownerId, now + leaseMs);
        // where the text says that another handle has it, or none, the row was changed by somebody else: the sweep reports it
        if (next !== undefined) writeQuietly(db, row, next);
      }
      db.run('DELETE FROM owner WHERE lease_until < ?', now - storeLimits.ownerKeptMs);
      pruneChanges(db);
      return now;
    });
  }

  /** Marks this handle as one that records tasks. Its row may have been deleted while the machine slept. */
  markRecordsTasks(nowMs: number): void {
    const mark = (): boolean => this.#db.run('UPDATE owner SET has_tasks = 1 WHERE owner_id = ?', this.#db.ownerId).changes > 0;
    if (mark()) return;
    this.#writeOwner(0, nowMs);
    mark();
  }

  /**
   * Ends executions whose lease has lapsed, and withdraws approvals whose process died before it recorded their task. Writes nothing where there are
   * none.
   */
  sweep({ nowMs, maxRuns, limit }: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number }): SweptTasks {
    const db = this.#db;
    const lapsedRows = (): readonly CheckedRow[] => db.all(LAPSED, db.clock(nowMs), limit);
    const orphans = (): readonly { readonly body: string }[] =>
      db.all(ORPHANS, db.clock(nowMs), db.clock(nowMs) - storeLimits.orphanAfterMs, limit);
    if (lapsedRows().length === 0 && orphans().length === 0) return { unknown: [], reclaimed: [] };
    return db.write(() => {
      const ended = lapsedRows().flatMap((row): readonly Task[] => {
        const task = soundTaskFromRow(row);
        const next = lapsed(task, db.clock(nowMs), maxRuns);
        if (task !== undefined && next !== undefined) return [writeChange(db, row, task, next)];
        // its column was changed by somebody else: such rows must not keep all others from being handled
        if (task !== undefined) writeQuietly(db, row, task);
        else db.run('UPDATE task SET lease_until = ? WHERE ord = ?', db.clock(nowMs) + storeLimits.tamperedAgainMs, row.ord);
        return [];
      });
      for (const { body } of orphans()) {
        const record = fromStoredJson(body) as ApprovalRecord;
        writeApprovalRow(db, { ...record, status: 'withdrawn', version: record.version + 1 }, record.version);
      }
      return { unknown: ended.filter((t) => t.status === 'unknown'), reclaimed: ended.filter((t) => t.status === 'approved') };
    });
  }

  #writeOwner(leaseUntilMs: number, nowMs: number): void {
    const values = [this.#db.ownerId, leaseUntilMs, hostname(), process.pid, nowMs];
    this.#db.run(
      `INSERT INTO owner (owner_id, lease_until, host, pid, started_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (owner_id) DO UPDATE SET lease_until = excluded.lease_until`,
      ...values,
    );
  }
}
