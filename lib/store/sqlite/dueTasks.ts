import type { Task } from '../../model/Task.js';
import type { SqliteDatabase, SqlValue } from './SqliteDatabase.js';
import { OPEN } from './file/schema.js';
import { CHECKED_COLUMNS, soundTaskFromRow } from './rows.js';
import type { CheckedRow } from './rows.js';
import type { DueQuery } from '../TaskStore.js';

/** Open tasks of dead owners, found by owner: one lookup for each owner, however many tasks it has. */
const STUCK = `FROM task INDEXED BY task_stuck WHERE ${OPEN} AND resumable = 0 AND mode <> 'manual'`;
const WAITING = "FROM task INDEXED BY task_waiting WHERE status = 'pending' AND mode <> 'manual'";
const ALIVE = 'EXISTS (SELECT 1 FROM owner WHERE owner.owner_id = task.owner_id AND owner.lease_until > ?)';

type DueQueryName = 'over' | 'approved' | 'decided' | 'stuckOwners' | 'stuck' | 'waitingOwners' | 'waiting';

/**
 * Each query has its own index, and names it because the planner would rather read all tasks of a status: tasks that wait for a person are never read.
 * Exported for the specs that check the plans.
 */
export const DUE_QUERIES: Readonly<Record<DueQueryName, string>> = {
  over: `SELECT ${CHECKED_COLUMNS} FROM task INDEXED BY task_over WHERE ${OPEN} AND expires_at <= ? AND next_check_at <= ? ORDER BY expires_at LIMIT ?`,
  approved: `SELECT ${CHECKED_COLUMNS} FROM task INDEXED BY task_approved WHERE status = 'approved' AND mode NOT IN ('throw', 'manual') AND next_check_at <= ?
    AND guard_key IN (SELECT value FROM json_each(?)) AND (updated_at <= ? OR NOT ${ALIVE}) ORDER BY next_check_at LIMIT ?`,
  decided: `SELECT ${CHECKED_COLUMNS} FROM task INDEXED BY task_decided WHERE status = 'pending' AND decided = 1 AND mode <> 'manual' AND next_check_at <= ?
    AND (updated_at <= ? OR NOT ${ALIVE}) ORDER BY next_check_at LIMIT ?`,
  stuckOwners: `SELECT owner_id ${STUCK} AND owner_id > ? ORDER BY owner_id LIMIT 1`,
  stuck: `SELECT ${CHECKED_COLUMNS} ${STUCK} AND owner_id = ? AND next_check_at <= ? ORDER BY next_check_at LIMIT ?`,
  waitingOwners: `SELECT owner_id ${WAITING} AND owner_id > ? ORDER BY owner_id LIMIT 1`,
  waiting: `SELECT ${CHECKED_COLUMNS} ${WAITING} AND owner_id = ? AND next_check_at <= ? ORDER BY next_check_at LIMIT ?`,
};

/** Takes the due tasks, and postpones them for other processes. Writes nothing where none is due. */
export function takeDueTasks(db: SqliteDatabase, query: DueQuery): readonly Task[] {
  if (dueRows(db, query).length === 0) return [];
  const taken = db.write(() => {
    // another handle may have taken them in between
    const rows = dueRows(db, query);
    const again = db.clock(query.nowMs) + query.againMs;
    for (const { ord } of rows) db.run('UPDATE task SET next_check_at = ? WHERE ord = ?', again, ord);
    return rows;
  });
  return taken.flatMap((row) => soundTaskFromRow(row) ?? []);
}

function dueRows(db: SqliteDatabase, { nowMs, idleMs, keys, poll, limit }: DueQuery): readonly CheckedRow[] {
  const now = db.clock(nowMs);
  const found = new Map<number, CheckedRow>();
  const take = (sql: string, ...values: readonly SqlValue[]): void => {
    // a row may be due for two reasons, so each query reads up to the limit, and rows that are there already do not count
    for (const row of db.all<CheckedRow>(sql, ...values, limit)) if (found.size < limit) found.set(row.ord, row);
  };
  const takeOfDead = (owners: string, sql: string): void => {
    for (const ownerId of deadOwners(db, owners, now)) if (found.size < limit) take(sql, ownerId, now);
  };
  take(DUE_QUERIES.over, now, now);
  take(DUE_QUERIES.approved, now, JSON.stringify(keys), now - idleMs, now);
  take(DUE_QUERIES.decided, now, now - idleMs, now);
  takeOfDead(DUE_QUERIES.stuckOwners, DUE_QUERIES.stuck);
  if (poll) takeOfDead(DUE_QUERIES.waitingOwners, DUE_QUERIES.waiting);
  return [...found.values()];
}

function deadOwners(db: SqliteDatabase, sql: string, now: number): readonly string[] {
  const dead: string[] = [];
  for (let ownerId: string | undefined = ''; ;) {
    ownerId = db.get<{ owner_id: string }>(sql, ownerId)?.owner_id;
    if (ownerId === undefined) return dead;
    if (!isAlive(db, ownerId, now)) dead.push(ownerId);
  }
}

/** Whether that handle's lease still holds. */
export function isAlive(db: SqliteDatabase, ownerId: string, now: number): boolean {
  return db.get('SELECT 1 FROM owner WHERE owner_id = ? AND lease_until > ?', ownerId, now) !== undefined;
}
