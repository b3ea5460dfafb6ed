import type { Awaitable } from '../../common/awaitable.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../model/Task.js';
import { isFinished, TASK_STATUSES } from '../../model/Task.js';
import { watchNotifications } from './notifications.js';
import { indexKey, TASK_COLUMNS, taskFromRow } from './rows.js';
import type { TaskRow } from './rows.js';
import type { PostgresSession } from './PostgresSession.js';
import { TaskWriter } from './TaskWriter.js';
import { Leases } from './Leases.js';
import { toStoredChange } from '../storedJson.js';
import { storeLimits } from '../storeLimits.js';
import { summaryFrom } from '../storedSummary.js';
import { claimed, released, settled, taskCounts, transitionedTask } from '../taskTransitions.js';
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

const FINISHED = TASK_STATUSES.filter(isFinished)
  .map((s) => `'${s}'`)
  .join(', ');

/** The conditions of a query; {@link matchingValues} are its values. */
const MATCHING = `WHERE ($1::text[] IS NULL OR status = ANY($1)) AND ($2::text IS NULL OR agent_id = $2) AND ($3::text IS NULL OR tool_name = $3)
  AND seq > $4 ORDER BY seq LIMIT $5`;

/** Keeps tasks in PostgreSQL, for any number of processes. */
export class PostgresTaskStore implements TaskStore {
  readonly durable = true;
  readonly ownerId: string;
  /** Set once the store is open, where pg-boss is installed. */
  serve?: NonNullable<TaskStore['serve']>;
  readonly #session: PostgresSession;
  readonly #writer: TaskWriter;
  readonly #leases: Leases;

  constructor(session: PostgresSession) {
    this.ownerId = session.ownerId;
    this.#session = session;
    this.#writer = new TaskWriter(session);
    this.#leases = new Leases(session, this.#writer);
  }

  async open(): Promise<void> {
    await this.#session.open(this);
    const { queue } = this.#session;
    if (queue !== undefined) this.serve = (guardKey: string, run: (taskId: string) => Awaitable<void>) => queue.serve(guardKey, run);
  }

  close(): Promise<void> {
    return this.#session.close(this);
  }

  insert(task: PendingTask): Promise<TaskInsertion> {
    return this.#writer.insert(task);
  }

  async get(taskId: string): Promise<Task | undefined> {
    return this.#one('WHERE task_id = $1', [indexKey(taskId)]);
  }

  async ofDecision(decisionId: string): Promise<Task | undefined> {
    return this.#one(`WHERE task_id = (SELECT task_id FROM ${this.#session.schema}.task_decision WHERE decision_id = $1)`, [
      indexKey(decisionId),
    ]);
  }

  async findOpen({ guardKey, agentId, originalDigest, sessionDigest, mode }: DuplicateCallQuery): Promise<Task | undefined> {
    const equal = `guard_key = $1 AND agent_id = $2 AND original_digest = $3 AND session_digest = $4 AND mode = $5`;
    const values = [guardKey, agentId, originalDigest, sessionDigest].map(indexKey);
    return this.#one(`WHERE ${equal} AND status IN ('pending', 'approved') ORDER BY status, decided DESC, seq LIMIT 1`, [...values, mode]);
  }

  list(query: TaskQuery): Promise<readonly Task[]> {
    return this.#some(MATCHING, matchingValues(query));
  }

  async listSummaries(query: TaskQuery): Promise<readonly TaskSummary[]> {
    const text = `SELECT seq, card FROM ${this.#session.schema}.task ${MATCHING}`;
    const rows = await this.#session.read<{ seq: string; card: string }>({ text, values: matchingValues(query) });
    return rows.map(({ seq, card }) => summaryFrom(card, seq));
  }

  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Promise<Task | undefined> {
    const stored = toStoredChange(change);
    return this.#writer.change(taskId, { next: (task) => transitionedTask(task, from, stored, nowMs) });
  }

  async claim(claim: TaskClaim): Promise<ExecutingTask | undefined> {
    const isOwn = (task: Task): boolean => task.status === 'executing' && task.claimToken === claim.token;
    const next = (task: Task, storeNowMs: number): Task | undefined => claimed(task, claim, this.ownerId, storeNowMs);
    const { taskId, haltChanges } = claim;
    return (await this.#writer.change(taskId, { next, isOwn, haltChanges })) as ExecutingTask | undefined;
  }

  release(taskId: string, token: string, nowMs: number): Promise<Task | undefined> {
    return this.#writer.change(taskId, { next: (task) => released(task, token, nowMs) });
  }

  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Promise<Task | undefined> {
    const stored = toStoredChange(outcome);
    const isOwn = (task: Task): boolean => task.status === outcome.to && (task as { readonly claimToken?: string }).claimToken === token;
    return this.#writer.change(taskId, { next: (task) => settled(task, token, stored, nowMs), isOwn });
  }

  async countAttempt(taskId: string): Promise<Task | undefined> {
    const text = `UPDATE ${this.#session.schema}.task SET attempt_count = attempt_count + 1 WHERE task_id = $1 RETURNING ${TASK_COLUMNS}`;
    return (await this.#session.read<TaskRow>({ text, values: [indexKey(taskId)] })).map(taskFromRow)[0];
  }

  async delete(taskId: string, from: readonly TaskStatus[]): Promise<boolean> {
    const s = this.#session.schema;
    const text = `WITH gone AS (DELETE FROM ${s}.task WHERE task_id = $1 AND status = ANY($2) RETURNING task_id),
      freed AS (DELETE FROM ${s}.task_decision USING gone WHERE task_decision.task_id = gone.task_id) SELECT 1 FROM gone`;
    return this.#session.certainly(async (inDoubt) => {
      if ((await this.#session.once({ text, values: [indexKey(taskId), from] })).length > 0) return true;
      return inDoubt && (await this.get(taskId)) === undefined;
    });
  }

  async prune({ keep, keepBytes = Infinity, finishedBeforeMs }: PruneLimits): Promise<number> {
    const s = this.#session.schema;
    const text = `WITH old AS (SELECT task_id FROM ${s}.task WHERE status IN (${FINISHED}) AND updated_at < $1
        UNION SELECT task_id FROM (SELECT task_id, row_number() OVER newest AS nth, sum(octet_length(body)) OVER newest AS bytes
          FROM ${s}.task WHERE status IN (${FINISHED}) WINDOW newest AS (ORDER BY updated_at DESC, changed_at DESC, seq DESC)) AS ended
          WHERE nth > $2 OR (nth > 1 AND bytes > $3)),
      gone AS (DELETE FROM ${s}.task USING old WHERE task.task_id = old.task_id AND status IN (${FINISHED}) RETURNING task.task_id),
      freed AS (DELETE FROM ${s}.task_decision USING gone WHERE task_decision.task_id = gone.task_id) SELECT count(*) AS count FROM gone`;
    const values = [clampedBigint(finishedBeforeMs), clampedBigint(keep), clampedBigint(keepBytes)];
    const [row] = await this.#session.read<{ count: string }>({ text, values });
    return Number(row?.count);
  }

  async counts(): Promise<Readonly<Record<TaskStatus, number>>> {
    const text = `SELECT status, count(*) AS count FROM ${this.#session.schema}.task GROUP BY status`;
    const rows = await this.#session.read<{ status: TaskStatus; count: string }>({ text, values: [] });
    return taskCounts(rows.map(({ status, count }) => [status, Number(count)]));
  }

  heartbeat(leaseMs: number, nowMs: number): Promise<number> {
    return this.#leases.heartbeat(leaseMs, nowMs);
  }

  async isLive(ownerId: string, _nowMs: number): Promise<boolean> {
    return this.#leases.isLive(ownerId);
  }

  sweep(options: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number }): Promise<SweptTasks> {
    return this.#leases.sweep(options);
  }

  due(query: DueQuery): Promise<readonly Task[]> {
    return this.#leases.due(query);
  }

  async makeDue(taskIds: readonly string[]): Promise<void> {
    const text = `UPDATE ${this.#session.schema}.task SET next_check_at = 0 WHERE task_id = ANY($1)`;
    await this.#session.read({ text, values: [taskIds.map(indexKey)] });
  }

  watch(listener: (change: StoreChange) => void): Promise<() => void> {
    return watchNotifications(this.#session, listener);
  }

  async #one(where: string, values: unknown[]): Promise<Task | undefined> {
    return (await this.#some(where, values))[0];
  }

  async #some(where: string, values: unknown[]): Promise<readonly Task[]> {
    const text = `SELECT ${TASK_COLUMNS} FROM ${this.#session.schema}.task ${where}`;
    return (await this.#session.read<TaskRow>({ text, values })).map(taskFromRow);
  }
}

function matchingValues({ status, agentId, toolName, after, limit = storeLimits.listed }: TaskQuery): unknown[] {
  const statuses = status === undefined ? null : typeof status === 'string' ? [status] : status;
  const [agent, tool] = [agentId, toolName].map((text) => (text === undefined ? null : indexKey(text)));
  const seq = after === undefined ? -1 : /^\d{1,15}$/.test(after) ? Number(after) : Number.MAX_SAFE_INTEGER;
  return [statuses, agent, tool, seq, clampedBigint(limit)];
}

/** A number that a bigint holds. */
function clampedBigint(number: number): number {
  return Math.min(Math.max(Math.trunc(number), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
