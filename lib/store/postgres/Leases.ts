import type { Task } from '../../model/Task.js';
import { storeLimits } from '../storeLimits.js';
import { lapsed } from '../taskTransitions.js';
import type { DueQuery, SweptTasks } from '../TaskStore.js';
import type { PostgresSession } from './PostgresSession.js';
import { approvalFromRow, CHECKED_COLUMNS, indexKey, soundTaskFromRow } from './rows.js';
import type { CheckedRow } from './rows.js';
import { ApprovalStatements, named } from './statements.js';
import type { NamedValues, Statement } from './statements.js';
import type { TaskWriter } from './TaskWriter.js';

/** Renews leases, and finds the tasks that no live process is handling. All of it goes by the clock of the database. */
export class Leases {
  readonly #session: PostgresSession;
  readonly #writer: TaskWriter;
  readonly #approvals: ApprovalStatements;
  readonly #heartbeat: (values: NamedValues) => Statement;
  readonly #due: (values: NamedValues) => Statement;

  constructor(session: PostgresSession, writer: TaskWriter) {
    this.#session = session;
    this.#writer = writer;
    this.#approvals = new ApprovalStatements(session.schema);
    this.#heartbeat = named(heartbeatSql(session.schema));
    this.#due = named(dueSql(session.schema));
  }

  async heartbeat(leaseMs: number, nowMs: number): Promise<number> {
    const values = { owner_id: this.#session.ownerId, lease_ms: Math.ceil(leaseMs), now_ms: Math.floor(nowMs) };
    const [row] = await this.#session.read<{ latest_ms: string }>(this.#heartbeat(values));
    return Number(row?.latest_ms);
  }

  async isLive(ownerId: string): Promise<boolean> {
    const s = this.#session.schema;
    const text = `SELECT 1 FROM ${s}.owner WHERE owner_id = $1 AND live_until > ${s}.now_ms()`;
    return (await this.#session.read({ text, values: [indexKey(ownerId)] })).length > 0;
  }

  async sweep({ maxRuns, limit }: { readonly maxRuns: number; readonly limit: number }): Promise<SweptTasks> {
    const s = this.#session.schema;
    const text = `SELECT ${CHECKED_COLUMNS}, ${s}.now_ms() AS now FROM ${s}.task
      WHERE status = 'executing' AND lease_until <= (SELECT ${s}.now_ms()) ORDER BY lease_until LIMIT $1`;
    const ended: Task[] = [];
    for (const row of await this.#session.read<CheckedRow & { now: string }>({ text, values: [limit] })) {
      const leaseEndsByMs = Number(row.now);
      const found = soundTaskFromRow(row);
      if (found === undefined) {
        await this.#session.read({
          text: `UPDATE ${s}.task SET lease_until = ${s}.now_ms() + ${storeLimits.tamperedAgainMs} WHERE task_id = $1`,
          values: [row.task_id],
        });
        continue;
      }
      // each task on its own: of two processes that sweep, one ends it
      const task = await this.#writer.change(found.taskId, { next: (t, nowMs) => lapsed(t, nowMs, maxRuns), leaseEndsByMs });
      if (task !== undefined) ended.push(task);
    }
    await this.#withdrawOrphans(limit);
    await this.#forgetOwners();
    return { unknown: ended.filter((t) => t.status === 'unknown'), reclaimed: ended.filter((t) => t.status === 'approved') };
  }

  async due({ idleMs, againMs, keys, poll, limit }: DueQuery): Promise<readonly Task[]> {
    const { queue } = this.#session;
    const values = { idle_ms: Math.ceil(idleMs), again_ms: Math.ceil(againMs), poll, limit, keys: keys.map(indexKey) };
    const rows = await this.#session.read<CheckedRow & { since: string; dead: boolean }>(this.#due(values));
    rows.sort((a, b) => Number(a.since) - Number(b.since));
    const tasks: Task[] = [];
    for (const row of rows) {
      const task = soundTaskFromRow(row);
      if (task === undefined) continue;
      tasks.push(task);
      if (queue === undefined || task.status !== 'approved' || !row.dead || task.mode === 'throw') continue;
      // this process may not have the tool: the queue tells one that has. It is only a hint, so it may fail
      await queue
        .prepare(task.guardKey)
        .then(() => queue.hint(task.guardKey, task.taskId))
        .catch(() => queue.forget());
    }
    return tasks;
  }

  /** Withdraws approvals whose process died before it recorded their task. A handle that never records tasks proves nothing by having none. */
  async #withdrawOrphans(limit: number): Promise<void> {
    const { schema: s, ownerId } = this.#session;
    const dead = `SELECT owner_id FROM ${s}.owner WHERE has_tasks AND live_until <= (SELECT ${s}.now_ms())`;
    const text = `SELECT a.body FROM (${dead}) AS dead JOIN ${s}.approval a ON a.owner_id = dead.owner_id AND a.status = 'pending'
      WHERE a.made_at <= (SELECT ${s}.now_ms()) - ${storeLimits.orphanAfterMs}
      AND NOT EXISTS (SELECT 1 FROM ${s}.task_decision d WHERE d.decision_id = a.decision_id) LIMIT $1`;
    for (const row of await this.#session.read<{ body: string }>({ text, values: [limit] })) {
      const record = approvalFromRow(row);
      const next = { ...record, status: 'withdrawn' as const, version: record.version + 1 };
      await this.#session.read(this.#approvals.withdrawOrphan(next, record.version, { stamp: ownerId, ownerId }));
    }
  }

  async #forgetOwners(): Promise<void> {
    const s = this.#session.schema;
    const before = `(SELECT ${s}.now_ms()) - ${storeLimits.ownerKeptMs}`;
    await this.#session.read({ text: `DELETE FROM ${s}.owner WHERE live_until < ${before} AND opened_at < ${before}`, values: [] });
  }
}

function heartbeatSql(s: string): string {
  return `WITH clock AS MATERIALIZED (SELECT ${s}.now_ms() AS now),
    mine AS (INSERT INTO ${s}.owner (owner_id, live_until, opened_at) SELECT :owner_id, now + :lease_ms::bigint, now FROM clock
      ON CONFLICT (owner_id) DO UPDATE SET live_until = excluded.live_until),
    renewed AS (UPDATE ${s}.task SET lease_until = greatest(lease_until, clock.now + :lease_ms::bigint) FROM clock
      WHERE executor_id = :owner_id AND status = 'executing')
    UPDATE ${s}.meta SET clock_ms = greatest(clock_ms, clock.now), latest_ms = greatest(latest_ms, clock.now, :now_ms::bigint) FROM clock
    RETURNING latest_ms`;
}

/** One branch for each reason to be due, each with its own index. Dead owners are found by jumping from one owner to the next. */
function dueSql(s: string): string {
  const open = `FROM ${s}.task WHERE status IN ('pending', 'approved') AND next_check_at <= (SELECT now FROM clock)`;
  const idle = `FROM ${s}.task WHERE next_check_at <= (SELECT now FROM clock) AND changed_at <= (SELECT now FROM clock) - :idle_ms::bigint`;
  return `WITH RECURSIVE clock AS MATERIALIZED (SELECT ${s}.now_ms() AS now),
    queues (queue) AS (SELECT unnest(CASE WHEN :poll THEN ARRAY['run', 'decided', 'ends', 'wait'] ELSE ARRAY['run', 'decided', 'ends'] END)),
    owners (queue, owner_id) AS (
      SELECT queue, (SELECT min(owner_id) FROM ${s}.task WHERE task.queue = queues.queue) FROM queues
      UNION ALL
      SELECT queue, (SELECT min(owner_id) FROM ${s}.task WHERE task.queue = owners.queue AND task.owner_id > owners.owner_id) FROM owners
      WHERE owner_id IS NOT NULL),
    dead (queue, owner_id) AS (SELECT queue, owner_id FROM owners WHERE owner_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM ${s}.owner WHERE owner.owner_id = owners.owner_id AND owner.live_until > (SELECT now FROM clock))),
    found (task_id, since) AS (
      (SELECT task_id, greatest(next_check_at, expires_at) ${open} AND expires_at <= (SELECT now FROM clock) ORDER BY expires_at LIMIT :limit)
      UNION ALL
      (SELECT task_id, greatest(next_check_at, changed_at + :idle_ms::bigint) ${idle} AND queue = 'run' AND guard_key = ANY(:keys)
        ORDER BY changed_at LIMIT :limit)
      UNION ALL
      (SELECT task_id, greatest(next_check_at, changed_at + :idle_ms::bigint) ${idle} AND queue = 'decided' ORDER BY changed_at LIMIT :limit)
      UNION ALL
      SELECT orphan.task_id, orphan.since FROM dead CROSS JOIN LATERAL (
        SELECT task_id, greatest(next_check_at, changed_at) AS since FROM ${s}.task
        WHERE task.queue = dead.queue AND task.owner_id = dead.owner_id AND next_check_at <= (SELECT now FROM clock)
        AND (task.queue <> 'run' OR guard_key = ANY(:keys)) ORDER BY next_check_at LIMIT :limit) AS orphan),
    first AS (SELECT task_id, min(since) AS since FROM found GROUP BY task_id ORDER BY 2 LIMIT :limit),
    held AS (SELECT task.task_id, first.since FROM ${s}.task JOIN first USING (task_id)
      WHERE status IN ('pending', 'approved') AND next_check_at <= (SELECT now FROM clock) FOR UPDATE OF task SKIP LOCKED)
    UPDATE ${s}.task SET next_check_at = clock.now + :again_ms::bigint FROM held, clock WHERE task.task_id = held.task_id
    RETURNING ${CHECKED_COLUMNS}, held.since,
      NOT EXISTS (SELECT 1 FROM ${s}.owner WHERE owner.owner_id = task.owner_id AND live_until > clock.now) AS dead`;
}
