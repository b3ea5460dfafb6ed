import type { Task } from '../../model/Task.js';
import type { SqliteDatabase, SqlValue } from './SqliteDatabase.js';
import { OPEN } from './schema.js';
import { TASK_COLUMNS, taskOf } from './taskRows.js';
import type { TaskRow } from './taskRows.js';
import type { DueQuery } from '../TaskStore.js';

/** Open tasks whose home is dead, by home: one lookup per home, however many tasks it has. */
const STUCK = `FROM task INDEXED BY task_stuck WHERE ${OPEN} AND resumable = 0 AND mode <> 'manual'`;
const WAITING = "FROM task INDEXED BY task_waiting WHERE status = 'pending' AND mode <> 'manual'";
const ALIVE = 'EXISTS (SELECT 1 FROM owner WHERE owner.owner = task.home AND owner.lease_until > ?)';

type DueQueryName = 'over' | 'approved' | 'decided' | 'stuckHomes' | 'stuck' | 'waitingHomes' | 'waiting';

/**
 * Each an index of its own, named because the planner would rather read all tasks of a status: what waits for a person is never read. The specs read
 * these plans.
 */
export const DUE_QUERIES: Readonly<Record<DueQueryName, string>> = {
  over: `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_over WHERE ${OPEN} AND expires_at <= ? AND look_at <= ? ORDER BY expires_at LIMIT ?`,
  approved: `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_approved WHERE status = 'approved' AND mode NOT IN ('throw', 'manual') AND look_at <= ?
    AND guard_key IN (SELECT value FROM json_each(?)) AND (updated_at <= ? OR NOT ${ALIVE}) ORDER BY look_at LIMIT ?`,
  decided: `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_decided WHERE status = 'pending' AND decided = 1 AND mode <> 'manual' AND look_at <= ?
    AND (updated_at <= ? OR NOT ${ALIVE}) ORDER BY look_at LIMIT ?`,
  stuckHomes: `SELECT home ${STUCK} AND home > ? ORDER BY home LIMIT 1`,
  stuck: `SELECT ${TASK_COLUMNS} ${STUCK} AND home = ? AND look_at <= ? ORDER BY look_at LIMIT ?`,
  waitingHomes: `SELECT home ${WAITING} AND home > ? ORDER BY home LIMIT 1`,
  waiting: `SELECT ${TASK_COLUMNS} ${WAITING} AND home = ? AND look_at <= ? ORDER BY look_at LIMIT ?`,
};

/** Gives what is due, and puts it off for the others. Writes nothing where nothing is. */
export function takeDue(db: SqliteDatabase, query: DueQuery): readonly Task[] {
  if (dueRows(db, query).length === 0) return [];
  return db.write(() => {
    // another handle may have been here in between
    const rows = dueRows(db, query);
    const again = db.clock(query.nowMs) + query.againMs;
    for (const { ord } of rows) db.run('UPDATE task SET look_at = ? WHERE ord = ?', again, ord);
    return rows.map(taskOf);
  });
}

function dueRows(db: SqliteDatabase, { nowMs, idleMs, keys, poll, limit }: DueQuery): readonly TaskRow[] {
  const now = db.clock(nowMs);
  const found = new Map<number, TaskRow>();
  const take = (sql: string, ...values: readonly SqlValue[]): void => {
    // a row may be due for two reasons: as many as are wanted, beside those that are there
    for (const row of db.all<TaskRow>(sql, ...values, limit)) if (found.size < limit) found.set(row.ord, row);
  };
  const takeOfDead = (homes: string, sql: string): void => {
    for (const home of deadHomes(db, homes, now)) if (found.size < limit) take(sql, home, now);
  };
  take(DUE_QUERIES.over, now, now);
  take(DUE_QUERIES.approved, now, JSON.stringify(keys), now - idleMs, now);
  take(DUE_QUERIES.decided, now, now - idleMs, now);
  takeOfDead(DUE_QUERIES.stuckHomes, DUE_QUERIES.stuck);
  if (poll) takeOfDead(DUE_QUERIES.waitingHomes, DUE_QUERIES.waiting);
  return [...found.values()];
}

function deadHomes(db: SqliteDatabase, sql: string, now: number): readonly string[] {
  const dead: string[] = [];
  for (let home: string | undefined = ''; ;) {
    home = db.get<{ home: string }>(sql, home)?.home;
    if (home === undefined) return dead;
    if (!isAlive(db, home, now)) dead.push(home);
  }
}

/** Whether that handle's lease still holds. */
export function isAlive(db: SqliteDatabase, owner: string, now: number): boolean {
  return db.get('SELECT 1 FROM owner WHERE owner = ? AND lease_until > ?', owner, now) !== undefined;
}
