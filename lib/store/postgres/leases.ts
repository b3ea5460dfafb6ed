import type { Task } from '../../model/Task.js';
import { APPROVAL, approvalOf, approvalValuesOf, keyOf, TASK_COLUMNS, taskOf } from './rows.js';
import type { TaskRow } from './rows.js';
import type { PostgresSession } from './PostgresSession.js';
import type { TaskWriter } from './TaskWriter.js';
import { noteOf } from './notifications.js';
import { lapsed } from '../taskTransitions.js';
import type { DueQuery, SweptTasks } from '../TaskStore.js';

/** An approval without a task is left alone for so long: its caller may be about to record the task. */
const ORPHAN_AFTER_MS = 60_000;
/** Handles that died so long ago are forgotten, with what they might still have told. */
const FORGET_OWNER_MS = 7 * 86_400_000;

/** What keeps tasks alive and finds those nobody sees to. All of it goes by the clock of the database. */
export class PostgresLeases {
  readonly #session: PostgresSession;
  readonly #writes: TaskWriter;

  constructor(session: PostgresSession, writes: TaskWriter) {
    this.#session = session;
    this.#writes = writes;
  }

  async beat(leaseMs: number, nowMs: number): Promise<number> {
    const s = this.#session.schema;
    const text = `WITH clock AS MATERIALIZED (SELECT ${s}.now_ms() AS now),
      mine AS (INSERT INTO ${s}.owner (owner, live_until, opened_at) SELECT $1, now + $2::bigint, now FROM clock
        ON CONFLICT (owner) DO UPDATE SET live_until = excluded.live_until),
      renewed AS (UPDATE ${s}.task SET lease_until = greatest(lease_until, clock.now + $2::bigint) FROM clock WHERE owner = $1 AND status = 'executing')
      UPDATE ${s}.meta SET clock_ms = greatest(clock_ms, clock.now), latest_ms = greatest(latest_ms, clock.now, $3::bigint) FROM clock
      RETURNING latest_ms`;
    const [row] = await this.#session.read<{ latest_ms: string }>({
      text,
      values: [this.#session.owner, Math.ceil(leaseMs), Math.floor(nowMs)],
    });
    return Number(row?.latest_ms);
  }

  async isLive(owner: string): Promise<boolean> {
    const s = this.#session.schema;
    const text = `SELECT 1 FROM ${s}.owner WHERE owner = $1 AND live_until > ${s}.now_ms()`;
    return (await this.#session.read({ text, values: [keyOf(owner)] })).length > 0;
  }

  async sweep({ maxRuns, limit }: { readonly maxRuns: number; readonly limit: number }): Promise<SweptTasks> {
    const s = this.#session.schema;
    const text = `SELECT body, attempt_count, lease_until, ${s}.now_ms() AS now FROM ${s}.task
      WHERE status = 'executing' AND lease_until <= (SELECT ${s}.now_ms()) ORDER BY lease_until LIMIT $1`;
    const ended: Task[] = [];
    for (const row of await this.#session.read<TaskRow & { now: string }>({ text, values: [limit] })) {
      const leaseEndsByMs = Number(row.now);
      // each on its own: of two processes that sweep, one ends it
      const task = await this.#writes.change(taskOf(row).taskId, { next: (t, nowMs) => lapsed(t, nowMs, maxRuns), leaseEndsByMs });
      if (task !== undefined) ended.push(task);
    }
    await this.#withdrawOrphans(limit);
    return { unknown: ended.filter((t) => t.status === 'unknown'), reclaimed: ended.filter((t) => t.status === 'approved') };
  }

  async due({ idleMs, againMs, keys, poll, limit }: DueQuery): Promise<readonly Task[]> {
    const { queue } = this.#session;
    const statement = { text: this.#dueSql, values: [Math.ceil(idleMs), Math.ceil(againMs), poll, limit, keys.map(keyOf)] };
    const rows = await this.#session.read<TaskRow & { since: string; dead: boolean }>(statement);
    rows.sort((a, b) => Number(a.since) - Number(b.since));
    const tasks = rows.map(taskOf);
    for (const [i, task] of tasks.entries()) {
      if (queue === undefined || task.status !== 'approved' || rows[i]?.dead !== true || task.mode === 'throw') continue;
      // whoever asked may not have the tool: one that does hears of it. A hint only, so it need not succeed
      await queue
        .prepare(task.guardKey)
        .then(() => queue.hint(task.guardKey, task.taskId))
        .catch(() => queue.forget());
    }
    return tasks;
  }

  /** One branch for each reason to be due, each with an index of its own; dead homes are found by jumping from home to home. */
  get #dueSql(): string {
    const s = this.#session.schema;
    const open = `FROM ${s}.task WHERE status IN ('pending', 'approved') AND look_at <= (SELECT now FROM clock)`;
    const idle = `FROM ${s}.task WHERE look_at <= (SELECT now FROM clock) AND changed_at <= (SELECT now FROM clock) - $1::bigint`;
    return `WITH RECURSIVE clock AS MATERIALIZED (SELECT ${s}.now_ms() AS now),
      lanes (lane) AS (SELECT unnest(CASE WHEN $3 THEN ARRAY['run', 'decided', 'ends', 'wait'] ELSE ARRAY['run', 'decided', 'ends'] END)),
      homes (lane, home) AS (
        SELECT lane, (SELECT min(home) FROM ${s}.task WHERE task.lane = lanes.lane) FROM lanes
        UNION ALL
        SELECT lane, (SELECT min(home) FROM ${s}.task WHERE task.lane = homes.lane AND task.home > homes.home) FROM homes WHERE home IS NOT NULL),
      dead (lane, home) AS (SELECT lane, home FROM homes WHERE home IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM ${s}.owner WHERE owner.owner = homes.home AND owner.live_until > (SELECT now FROM clock))),
      found (task_id, since) AS (
        (SELECT task_id, greatest(look_at, expires_at) ${open} AND expires_at <= (SELECT now FROM clock) ORDER BY expires_at LIMIT $4)
        UNION ALL
        (SELECT task_id, greatest(look_at, changed_at + $1::bigint) ${idle} AND lane = 'run' AND guard_key = ANY($5) ORDER BY changed_at LIMIT $4)
        UNION ALL
        (SELECT task_id, greatest(look_at, changed_at + $1::bigint) ${idle} AND lane = 'decided' ORDER BY changed_at LIMIT $4)
        UNION ALL
        SELECT orphan.task_id, orphan.since FROM dead CROSS JOIN LATERAL (
          SELECT task_id, greatest(look_at, changed_at) AS since FROM ${s}.task
          WHERE task.lane = dead.lane AND task.home = dead.home AND look_at <= (SELECT now FROM clock)
          AND (task.lane <> 'run' OR guard_key = ANY($5)) ORDER BY look_at LIMIT $4) AS orphan),
      first AS (SELECT task_id, min(since) AS since FROM found GROUP BY task_id ORDER BY 2 LIMIT $4),
      held AS (SELECT task.task_id, first.since FROM ${s}.task JOIN first USING (task_id)
        WHERE status IN ('pending', 'approved') AND look_at <= (SELECT now FROM clock) FOR UPDATE OF task SKIP LOCKED)
      UPDATE ${s}.task SET look_at = clock.now + $2::bigint FROM held, clock WHERE task.task_id = held.task_id
      RETURNING ${TASK_COLUMNS}, held.since, NOT EXISTS (SELECT 1 FROM ${s}.owner WHERE owner.owner = home AND live_until > clock.now) AS dead`;
  }

  /** Nobody waits for these: their process ended between asking and recording the task. One that never records tasks here proves nothing by it. */
  async #withdrawOrphans(limit: number): Promise<void> {
    const s = this.#session.schema;
    const dead = `SELECT owner FROM ${s}.owner WHERE has_tasks AND live_until <= (SELECT ${s}.now_ms())`;
    const text = `SELECT a.body FROM (${dead}) AS dead JOIN ${s}.approval a ON a.home = dead.owner AND a.status = 'pending'
      WHERE a.made_at <= (SELECT ${s}.now_ms()) - ${ORPHAN_AFTER_MS}
      AND NOT EXISTS (SELECT 1 FROM ${s}.task_decision d WHERE d.decision_id = a.decision_id) LIMIT $1`;
    const sets = APPROVAL.map((column, i) => `${column} = $${i + 1}`).join(', ');
    const write = `WITH changed AS (UPDATE ${s}.approval SET ${sets}, changed_at = ${s}.now_ms(), written_by = $11, stamp = $11
      WHERE decision_id = $1 AND version = $12 AND status = 'pending'
      AND NOT EXISTS (SELECT 1 FROM ${s}.task_decision d WHERE d.decision_id = $1) RETURNING 1) SELECT pg_notify('${s}', $13) FROM changed`;
    for (const row of await this.#session.read<{ body: string }>({ text, values: [limit] })) {
      const record = approvalOf(row);
      const next = { ...record, status: 'withdrawn' as const, version: record.version + 1 };
      const { owner } = this.#session;
      const note = noteOf({ kind: 'approval', id: record.decisionId, version: next.version, status: next.status, from: 'pending' }, owner);
      await this.#session.read({ text: write, values: [...approvalValuesOf(next), owner, record.version, note] });
    }
    const forgotten = `DELETE FROM ${s}.owner WHERE live_until < (SELECT ${s}.now_ms()) - ${FORGET_OWNER_MS} AND opened_at < (SELECT ${s}.now_ms()) - ${FORGET_OWNER_MS}`;
    await this.#session.read({ text: forgotten, values: [] });
  }
}
