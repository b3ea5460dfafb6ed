import { nextId } from '../../common/nextId.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import type { PendingTask, Task } from '../../model/Task.js';
import { isDangling, isTaken } from './errors.js';
import { noteOf } from './notifications.js';
import { QueueTrouble } from './JobQueue.js';
import { CHANGING, keyOf, LASTING, lastingValuesOf, TASK_COLUMNS, taskOf, valuesOf } from './rows.js';
import type { TaskRow } from './rows.js';
import type { PostgresSession, Statement } from './PostgresSession.js';
import { insertionOver } from '../taskTransitions.js';
import type { TaskInsertion } from '../TaskStore.js';

/** A task as it was read, and when, by the store's clock. */
interface Seen {
  readonly task: Task;
  readonly stamp: string;
  readonly nowMs: number;
}

/** What is to become of a task. */
export interface Change {
  /** The task afterwards; `undefined` where the change must not happen. */
  readonly next: (task: Task, nowMs: number) => Task | undefined;
  /** Tells the change's own result from others', where its answer was lost. */
  readonly isOwn?: ((task: Task) => boolean) | undefined;
  /** Only if its lease still ends by then: renewing one is no new version. */
  readonly leaseEndsByMs?: number | undefined;
}

/**
 * Writes of tasks. Each is one statement on condition of the version that was read, so that a process that stops in the middle holds no lock; it
 * carries a stamp, so that one whose answer was lost is known again. A write on that condition can be tried again: it is done once at the most.
 */
export class TaskWriter {
  readonly #session: PostgresSession;
  readonly #read: string;
  readonly #update: string;
  readonly #askAgain: string;
  readonly #insert: string;

  constructor(session: PostgresSession) {
    this.#session = session;
    const s = session.schema;
    const decided = `EXISTS (SELECT 1 FROM approval WHERE status <> 'pending')`;
    /** A value; the lane of a task whose verdict is there already is another. */
    const valueOf = (column: string, value: string, isAsked: boolean): string =>
      isAsked && column === 'lane' ? `CASE WHEN ${decided} AND ${value}::text IS NOT NULL THEN 'decided' ELSE ${value}::text END` : value;
    const update = (isAsked: boolean, and = ''): string => `changed AS (
      UPDATE ${s}.task SET ${CHANGING.map((column, i) => `${column} = ${valueOf(column, `$${i + 7}`, isAsked)}`).join(', ')}, look_at = 0, decided = ${isAsked ? decided : 'decided'}, changed_at = ${s}.now_ms(), stamp = $3, written_by = $4
      WHERE task_id = $1 AND version = $2 AND ($5::bigint IS NULL OR lease_until <= $5) ${and} RETURNING task_id)`;
    const note = `SELECT ${s}.durably(), pg_notify('${s}', $6) FROM`;
    const verdict = (id: string): string => `approval AS (SELECT status FROM ${s}.approval WHERE decision_id = ${id} FOR SHARE)`;
    this.#read = `SELECT ${TASK_COLUMNS}, stamp, ${s}.now_ms() AS now FROM ${s}.task WHERE task_id = $1`;
    this.#update = `WITH ${update(false)} ${note} changed`;
    // a verdict may come before the task does: it waits for this row, or this for it
    this.#askAgain = `WITH ${verdict('$7')}, free AS (
        INSERT INTO ${s}.task_decision (decision_id, task_id)
        SELECT $7, task_id FROM (SELECT task_id FROM ${s}.task WHERE task_id = $1 AND version = $2 FOR UPDATE) AS held
        ON CONFLICT DO NOTHING RETURNING task_id),
      ${update(true, 'AND EXISTS (SELECT 1 FROM free)')} ${note} changed`;
    const columns = [...LASTING, ...CHANGING];
    const at = (column: string): string => `$${columns.indexOf(column) + 4}`;
    this.#insert = `WITH ${verdict(at('decision_id'))}, free AS (
        INSERT INTO ${s}.task_decision (decision_id, task_id)
        SELECT ${at('decision_id')}, ${at('task_id')} WHERE NOT EXISTS (SELECT 1 FROM ${s}.task WHERE task_id = ${at('task_id')})
        ON CONFLICT DO NOTHING RETURNING task_id),
      made AS (
        INSERT INTO ${s}.task (stamp, written_by, ${columns.join(', ')}, decided, changed_at)
        SELECT $1, $2, ${columns.map((column) => valueOf(column, at(column), true)).join(', ')}, ${decided}, ${s}.now_ms() FROM free RETURNING task_id),
      noted AS (UPDATE ${s}.owner SET has_tasks = true WHERE owner = $2 AND NOT has_tasks)
      SELECT ${s}.durably(), pg_notify('${s}', $3) FROM made`;
  }

  async insert(task: PendingTask): Promise<TaskInsertion> {
    const stamp = nextId('w');
    const note = noteOf(
      { kind: 'task', id: task.taskId, version: task.version, status: task.status, from: undefined },
      this.#session.owner,
    );
    const values = [stamp, this.#session.owner, note, ...lastingValuesOf(task), ...valuesOf(task)];
    return this.#session.certainly(async (inDoubt) => {
      for (let tries = 0; tries < 10; tries++) {
        if (await this.#made({ name: 'aegis insert', text: this.#insert, values })) return { outcome: 'created', task };
        const taken = await this.#taken(task);
        // neither made nor taken: what took it was deleted in between
        if (taken === undefined) continue;
        if (inDoubt && taken.stamp === stamp) return { outcome: 'created', task };
        return insertionOver(taken.task, task);
      }
      throw new StoreError('The ids of the task are taken by none.');
    });
  }

  /** Reads the task, changes it, and writes it if it still is as it was read; if not, once more from the start. */
  async change(taskId: string, change: Change): Promise<Task | undefined> {
    const stamp = nextId('w');
    const first: { version?: number } = {};
    return this.#session.certainly(async (inDoubt) => {
      for (let refused: number | undefined; ;) {
        const seen = await this.#see(taskId);
        if (seen === undefined) return this.#neverUnsure(inDoubt);
        const { task, nowMs } = seen;
        if (inDoubt && (seen.stamp === stamp || change.isOwn?.(task) === true)) return task;
        const next = change.next(task, nowMs);
        first.version ??= task.version;
        // whoever has a mark of its own knows; without one, another's change hides whether this one came first
        if (next === undefined) return this.#neverUnsure(inDoubt && change.isOwn === undefined && task.version !== first.version);
        const asked = isAsked(task, next);
        // the same version twice: it is the decisionId that is taken
        if (asked && refused === task.version) return undefined;
        if (await this.#write(task, next, stamp, change.leaseEndsByMs)) return next;
        if (change.leaseEndsByMs !== undefined) return undefined;
        refused = task.version;
      }
    });
  }

  #neverUnsure(unsure: boolean): undefined {
    if (unsure) throw new StoreError('The connection was lost, and another change hides whether this one was made.');
    return undefined;
  }

  async #write(task: Task, next: Task, stamp: string, leaseEndsByMs: number | undefined): Promise<boolean> {
    const { owner } = this.#session;
    const note = noteOf({ kind: 'task', id: task.taskId, version: next.version, status: next.status, from: task.status }, owner);
    const asked = isAsked(task, next);
    const statement: Statement = {
      name: asked ? 'aegis ask again' : 'aegis change',
      text: asked ? this.#askAgain : this.#update,
      values: [keyOf(task.taskId), task.version, stamp, owner, leaseEndsByMs ?? null, note, ...valuesOf(next)],
    };
    const { queue } = this.#session;
    if (queue === undefined || next.status !== 'approved' || next.mode === 'throw' || next.mode === 'manual') return this.#made(statement);
    try {
      await queue.prepare(next.guardKey);
      return await this.#session.together(async (run) => {
        if ((await run(statement.text, statement.values)).rows.length === 0) return false;
        await queue.send(next.guardKey, next.taskId, run);
        return true;
      });
    } catch (error) {
      // jobs are hints: a queue that somebody broke stops no approval
      if (!(error instanceof QueueTrouble) && !isDangling(error)) throw error;
      queue.forget();
      return this.#made(statement);
    }
  }

  async #see(taskId: string): Promise<Seen | undefined> {
    const statement = { name: 'aegis see', text: this.#read, values: [keyOf(taskId)] };
    const [row] = await this.#session.once<TaskRow & { stamp: string; now: string }>(statement);
    return row && { task: taskOf(row), stamp: row.stamp, nowMs: Number(row.now) };
  }

  async #taken({ taskId, decisionId }: PendingTask): Promise<Pick<Seen, 'task' | 'stamp'> | undefined> {
    const s = this.#session.schema;
    const text = `SELECT ${TASK_COLUMNS}, stamp FROM ${s}.task
      WHERE task_id = $1 OR task_id = (SELECT task_id FROM ${s}.task_decision WHERE decision_id = $2) ORDER BY task_id <> $1 LIMIT 1`;
    const [row] = await this.#session.once<TaskRow & { stamp: string }>({ text, values: [keyOf(taskId), keyOf(decisionId)] });
    return row && { task: taskOf(row), stamp: row.stamp };
  }

  async #made(statement: Statement): Promise<boolean> {
    try {
      return (await this.#session.once(statement)).length > 0;
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }
}

/** Whether it waits for another approval than before, whose decisionId has to be free. */
function isAsked(task: Task, next: Task): boolean {
  return task.status !== 'pending' && next.status === 'pending';
}
