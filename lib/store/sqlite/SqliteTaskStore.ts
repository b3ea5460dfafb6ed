import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../model/Task.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { ChangeFeed } from './ChangeFeed.js';
import type { SqliteDatabase, SqlValue } from './SqliteDatabase.js';
import { isAlive, takeDueTasks } from './dueTasks.js';
import { isUnchanged } from './haltChanges.js';
import { Leases } from './Leases.js';
import { FINISHED, OPEN } from './file/schema.js';
import { readDecision, readTask, TASK_COLUMNS, taskFromRow, writeChange, writeNew, writeQuietly } from './rows.js';
import type { TaskRow } from './rows.js';
import { toStoredChange } from '../storedJson.js';
import { storeLimits } from '../storeLimits.js';
import { summaryFrom } from '../storedSummary.js';
import { DEFAULT_TENANT } from '../tenant/tenantScope.js';
import { claimed, insertionOver, polled, released, settled, taskCounts, transitionedTask } from '../taskTransitions.js';
import type {
  DueQuery,
  DuplicateCallQuery,
  PruneLimits,
  StoreChange,
  SweptTasks,
  TaskChange,
  TaskClaim,
  TaskInsertion,
  TaskOutcome,
  TaskQuery,
  TaskStore,
  TaskSummary,
} from '../TaskStore.js';

/** Exported for the specs that check its plan. */
export const EQUAL_QUERY: string = `SELECT ${TASK_COLUMNS} FROM task INDEXED BY task_equal WHERE ${OPEN} AND original_digest = ? AND session_digest = ? AND guard_key = ?
  AND agent_id = ? AND mode = ? ORDER BY status, decided DESC, ord LIMIT 1`;

/** Keeps tasks in a SQLite file. Every change reads the row, applies the transition that all stores share, and writes the row, in one transaction. */
export class SqliteTaskStore implements TaskStore {
  readonly durable = true;
  readonly #db: SqliteDatabase;
  readonly #changes: ChangeFeed;
  readonly #leases: Leases;
  /** The handle whose `owner` row already says that it records tasks. */
  #markedOwnerId = '';

  constructor(db: SqliteDatabase, changes: ChangeFeed) {
    this.#db = db;
    this.#changes = changes;
    this.#leases = new Leases(db);
  }

  get ownerId(): string {
    return this.#db.ownerId;
  }

  open(): void {
    this.#db.open('tasks');
  }

  close(): void {
    this.#db.close('tasks');
  }

  insert(task: PendingTask): TaskInsertion {
    const insertion = this.#db.write((): TaskInsertion => {
      const taken = readTask(this.#db, task.taskId) ?? readDecision(this.#db, task.decisionId);
      if (taken !== undefined) return insertionOver(taskFromRow(taken), task);
      if (this.#markedOwnerId !== this.ownerId) this.#leases.markRecordsTasks(this.#db.clock(task.createdAtMs));
      writeNew(this.#db, task);
      return { outcome: 'created', task: frozenData(task) };
    });
    // only once the mark is committed
    if (insertion.outcome === 'created') this.#markedOwnerId = this.ownerId;
    return insertion;
  }

  get(taskId: string): Task | undefined {
    return taskOrNone(readTask(this.#db, taskId));
  }

  ofDecision(decisionId: string): Task | undefined {
    return taskOrNone(readDecision(this.#db, decisionId));
  }

  findOpen({ originalDigest, sessionDigest, guardKey, agentId, mode }: DuplicateCallQuery): Task | undefined {
    return taskOrNone(this.#db.get<TaskRow>(EQUAL_QUERY, originalDigest, sessionDigest, guardKey, agentId, mode));
  }

  list(query: TaskQuery): readonly Task[] {
    const { conditions, values } = matching(query, 'task.');
    const sql = `SELECT ${TASK_COLUMNS} FROM task WHERE ${conditions} ORDER BY task.ord LIMIT ?`;
    return this.#db.all<TaskRow>(sql, ...values).map(taskFromRow);
  }

  listSummaries(query: TaskQuery): readonly TaskSummary[] {
    const { conditions, values } = matching(query);
    const sql = `SELECT ord, card FROM task_card WHERE ${conditions} ORDER BY ord LIMIT ?`;
    return this.#db.all<{ ord: number; card: string }>(sql, ...values).map(({ ord, card }) => summaryFrom(card, String(ord)));
  }

  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Task | undefined {
    const stored = toStoredChange(change);
    return this.#change(taskId, (task) => {
      const next = transitionedTask(task, from, stored, nowMs);
      // an approval is for one call only: the decisionIds that a task had stay taken as long as the task exists
      if (change.to === 'pending' && next !== undefined && readDecision(this.#db, change.decisionId) !== undefined) return undefined;
      return next;
    });
  }

  claim(claim: TaskClaim): ExecutingTask | undefined {
    const now = (): number => this.#db.clock(claim.nowMs);
    return this.#change(claim.taskId, (task) =>
      isUnchanged(this.#db, DEFAULT_TENANT, claim.haltChanges) ? claimed(task, claim, this.ownerId, now()) : undefined,
    ) as ExecutingTask | undefined;
  }

  release(taskId: string, token: string, nowMs: number): Task | undefined {
    return this.#change(taskId, (task) => released(task, token, nowMs));
  }

  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Task | undefined {
    // before the transaction, during which no one else can write
    const stored = toStoredChange(outcome);
    return this.#change(taskId, (task) => settled(task, token, stored, nowMs));
  }

  countAttempt(taskId: string): Task | undefined {
    return this.#db.write(() => {
      const row = readTask(this.#db, taskId);
      return row && writeQuietly(this.#db, row, polled(taskFromRow(row)));
    });
  }

  delete(taskId: string, from: readonly TaskStatus[]): boolean {
    const sql = `DELETE FROM task WHERE task_id = ? AND status IN (${from.map(() => '?').join(', ')})`;
    return this.#db.write(() => this.#db.run(sql, taskId, ...from).changes > 0);
  }

  prune({ keep, keepBytes = Infinity, finishedBeforeMs }: PruneLimits): number {
    const old = `SELECT ord FROM task INDEXED BY task_ended WHERE ${FINISHED} AND updated_at < ?`;
    // a finished task never changes again: the number of its last change is that of its end
    const beyond = `SELECT ord FROM task INDEXED BY task_finished WHERE ${FINISHED} ORDER BY seq DESC LIMIT -1 OFFSET ?`;
    // the length of a text is in the head of its row, so that no body is read
    const heavy = `SELECT ord FROM (SELECT ord, row_number() OVER newest AS nth, sum(octet_length(body)) OVER newest AS bytes
      FROM task INDEXED BY task_finished WHERE ${FINISHED} WINDOW newest AS (ORDER BY seq DESC)) WHERE nth > 1 AND bytes > ?`;
    return this.#db.write(() => {
      let pruned = this.#db.run(`DELETE FROM task WHERE ord IN (${old})`, finishedBeforeMs).changes;
      if (Number.isFinite(keep)) pruned += this.#db.run(`DELETE FROM task WHERE ord IN (${beyond})`, keep).changes;
      if (Number.isFinite(keepBytes)) pruned += this.#db.run(`DELETE FROM task WHERE ord IN (${heavy})`, keepBytes).changes;
      return pruned;
    });
  }

  counts(): Readonly<Record<TaskStatus, number>> {
    const rows = this.#db.all<{ status: TaskStatus; n: number }>('SELECT status, count(*) AS n FROM task GROUP BY status');
    return taskCounts(rows.map(({ status, n }) => [status, n]));
  }

  heartbeat(leaseMs: number, nowMs: number): number {
    return this.#leases.heartbeat(leaseMs, nowMs);
  }

  isLive(ownerId: string, nowMs: number): boolean {
    return isAlive(this.#db, ownerId, this.#db.clock(nowMs));
  }

  sweep(options: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number }): SweptTasks {
    return this.#leases.sweep(options);
  }

  due(query: DueQuery): readonly Task[] {
    return takeDueTasks(this.#db, query);
  }

  makeDue(taskIds: readonly string[]): void {
    this.#db.write(() => {
      for (const taskId of taskIds) this.#db.run('UPDATE task SET next_check_at = 0 WHERE task_id = ?', taskId);
    });
  }

  watch(listener: (change: StoreChange) => void): () => void {
    return this.#changes.watch(listener);
  }

  #change(taskId: string, change: (task: Task) => Task | undefined): Task | undefined {
    return this.#db.write(() => {
      const row = readTask(this.#db, taskId);
      const task = taskOrNone(row);
      const next = task && change(task);
      return row && task && next && writeChange(this.#db, row, task, next);
    });
  }
}

/** The conditions of a query, and their values with that of LIMIT at the end. */
function matching(
  { status, agentId, toolName, after, limit = storeLimits.listed }: TaskQuery,
  table: string = '',
): { readonly conditions: string; readonly values: readonly SqlValue[] } {
  const statuses = typeof status === 'string' ? [status] : status;
  const conditions = ['TRUE'];
  const values: SqlValue[] = [];
  if (statuses !== undefined) conditions.push(`${table}status IN (${statuses.map(() => '?').join(', ')})`);
  values.push(...(statuses ?? []));
  for (const [condition, value] of [
    ['agent_id =', agentId] as const,
    ['tool_name =', toolName] as const,
    ['ord >', after === undefined ? undefined : ordOf(after)] as const,
  ]) {
    if (value === undefined) continue;
    conditions.push(`${table}${condition} ?`);
    values.push(value);
  }
  return { conditions: conditions.join(' AND '), values: [...values, Number.isFinite(limit) ? limit : -1] };
}

function ordOf(cursor: string): number {
  return /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.MAX_SAFE_INTEGER;
}

function taskOrNone(row: TaskRow | undefined): Task | undefined {
  return row && taskFromRow(row);
}
