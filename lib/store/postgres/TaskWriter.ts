import { nextId } from '../../common/nextId.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { PendingTask, Task } from '../../model/Task.js';
import { insertionOver } from '../taskTransitions.js';
import type { TaskInsertion } from '../TaskStore.js';
import { isDangling, isTaken } from './errors.js';
import { QueueTrouble } from './JobQueue.js';
import type { PostgresSession } from './PostgresSession.js';
import { taskFromRow } from './rows.js';
import type { TaskRow } from './rows.js';
import { TaskStatements } from './statements.js';
import type { Statement } from './statements.js';

/** A task as it was read, and when, by the store's clock. */
interface ReadTask {
  readonly task: Task;
  readonly stamp: string;
  readonly nowMs: number;
}

/** What becomes of a task. */
export interface Change {
  /** The task afterwards; `undefined` where the change must not happen. */
  readonly next: (task: Task, nowMs: number) => Task | undefined;
  /** Recognizes the result of this very change, where the answer to the write was lost. */
  readonly isOwn?: ((task: Task) => boolean) | undefined;
  /** The change happens only if the lease still ends by then, in epoch milliseconds: renewing a lease makes no new version. */
  readonly leaseEndsByMs?: number | undefined;
  /** The change happens only if the halts were changed so often. */
  readonly haltChanges?: number | undefined;
}

/** How often an insert is tried again that neither succeeded nor found a task in its place. */
const MAX_INSERT_TRIES = 10;

/**
 * Writes tasks. Each write is one statement, conditioned on the version that was read, so that a process that stops in the middle holds no lock. It
 * leaves a stamp in its row, so that a write whose answer was lost is recognized. Such a write can be tried again: it happens at most once.
 */
export class TaskWriter {
  readonly #session: PostgresSession;
  readonly #statements: TaskStatements;

  constructor(session: PostgresSession) {
    this.#session = session;
    this.#statements = new TaskStatements(session.schema);
  }

  async insert(task: PendingTask): Promise<TaskInsertion> {
    const { ownerId } = this.#session;
    const stamp = nextId('w');
    const statement = this.#statements.insert(task, { stamp, ownerId });
    return this.#session.certainly(async (inDoubt) => {
      for (let tries = 0; tries < MAX_INSERT_TRIES; tries++) {
        if (await this.#wrote(statement)) return { outcome: 'created', task: frozenData(task) };
        const taken = await this.#taken(task);
        // the task whose ids were in the way was deleted in between
        if (taken === undefined) continue;
        if (inDoubt && taken.stamp === stamp) return { outcome: 'created', task: frozenData(task) };
        return insertionOver(taken.task, task);
      }
      throw new StoreError('The task could not be inserted: its ids were taken and freed again at every try. Try again.');
    });
  }

  /** Reads the task, changes it, and writes it if nothing else has changed it since; otherwise it starts again. */
  async change(taskId: string, change: Change): Promise<Task | undefined> {
    const stamp = nextId('w');
    const first: { version?: number } = {};
    return this.#session.certainly(async (inDoubt) => {
      for (let refused: number | undefined; ;) {
        const read = await this.#read(taskId);
        if (read === undefined) return this.#notDone(inDoubt);
        const { task, nowMs } = read;
        if (inDoubt && (read.stamp === stamp || change.isOwn?.(task) === true)) return task;
        const next = change.next(task, nowMs);
        first.version ??= task.version;
        // a change that can recognize itself knows that it did not happen; for any other, a later change may hide it
        if (next === undefined) return this.#notDone(inDoubt && change.isOwn === undefined && task.version !== first.version);
        // refused at the same version: the halts were changed, or the decisionId is taken
        if (refused === task.version && (change.haltChanges !== undefined || asksAgain(task, next))) return undefined;
        if (await this.#write(task, next, stamp, change)) return frozenData(next);
        if (change.leaseEndsByMs !== undefined) return undefined;
        refused = task.version;
      }
    });
  }

  #notDone(unsure: boolean): undefined {
    if (unsure)
      throw new StoreError(
        'The connection was lost while a task was written, and another change hides whether the write was done. Read the task before you go on.',
      );
    return undefined;
  }

  async #write(task: Task, next: Task, stamp: string, { leaseEndsByMs, haltChanges }: Change): Promise<boolean> {
    const { ownerId, queue } = this.#session;
    const mark = { stamp, ownerId };
    const statement = asksAgain(task, next)
      ? this.#statements.askAgain(task, next, mark)
      : this.#statements.change(task, next, mark, leaseEndsByMs, haltChanges);
    if (queue === undefined || next.status !== 'approved' || next.mode === 'throw' || next.mode === 'manual') return this.#wrote(statement);
    try {
      await queue.prepare(next.guardKey);
      return await this.#session.together(async (run) => {
        if ((await run(statement.text, statement.values)).rows.length === 0) return false;
        await queue.send(next.guardKey, next.taskId, run);
        return true;
      });
    } catch (error) {
      // jobs are only hints, so a broken queue must not stop an approval
      if (!(error instanceof QueueTrouble) && !isDangling(error)) throw error;
      queue.forget();
      return this.#wrote(statement);
    }
  }

  async #read(taskId: string): Promise<ReadTask | undefined> {
    const [row] = await this.#session.once<TaskRow & { stamp: string; now: string }>(this.#statements.read(taskId));
    return row && { task: taskFromRow(row), stamp: row.stamp, nowMs: Number(row.now) };
  }

  async #taken(task: PendingTask): Promise<Pick<ReadTask, 'task' | 'stamp'> | undefined> {
    const [row] = await this.#session.once<TaskRow & { stamp: string }>(this.#statements.taken(task));
    return row && { task: taskFromRow(row), stamp: row.stamp };
  }

  async #wrote(statement: Statement): Promise<boolean> {
    try {
      return (await this.#session.once(statement)).length > 0;
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }
}

/** Whether the task now waits for another approval than before, whose decisionId has to be free. */
function asksAgain(task: Task, next: Task): boolean {
  return task.status !== 'pending' && next.status === 'pending';
}
