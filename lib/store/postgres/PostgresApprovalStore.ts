import { nextId } from '../../common/nextId.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore, BegunPage, BindOlder } from '../ApprovalStore.js';
import { storeLimits } from '../storeLimits.js';
import type { PostgresSession } from './PostgresSession.js';
import { approvalFromRow, indexKey, TASK_COLUMNS, taskFromRow } from './rows.js';
import type { TaskRow } from './rows.js';
import { ApprovalStatements } from './statements.js';
import type { RunSql } from './statements.js';

/** How many older approvals are bound at once. */
const BATCH = 500;

interface ApprovalRow {
  readonly seq: string;
  readonly body: string;
}

/** Keeps approvals in PostgreSQL, beside the tasks that wait for them. */
export class PostgresApprovalStore implements ApprovalStore {
  readonly #session: PostgresSession;
  readonly #statements: ApprovalStatements;

  constructor(session: PostgresSession) {
    this.#session = session;
    this.#statements = new ApprovalStatements(session.schema);
  }

  open(): Promise<void> {
    return this.#session.open(this);
  }

  close(): Promise<void> {
    return this.#session.close(this);
  }

  async insert(record: ApprovalRecord): Promise<boolean> {
    const mark = { stamp: nextId('w'), ownerId: this.#session.ownerId };
    const statement = this.#statements.insert(record, mark);
    return this.#session.certainly(async (inDoubt) => {
      if ((await this.#session.once(statement)).length > 0) return true;
      return inDoubt && (await this.#isStamped(record.decisionId, mark.stamp));
    });
  }

  async get(decisionId: string): Promise<ApprovalRecord | undefined> {
    return (await this.#some('WHERE decision_id = $1', [indexKey(decisionId)]))[0];
  }

  async replace(record: ApprovalRecord, version: number): Promise<boolean> {
    const mark = { stamp: nextId('w'), ownerId: this.#session.ownerId };
    const statement = this.#statements.replace(record, version, mark);
    const decided = record.status !== 'pending' && record.consumed === undefined;
    return this.#session.certainly(async (inDoubt) => {
      const done = decided
        ? await this.#session.together(async (run) => {
            if ((await run(statement.text, statement.values)).rows.length === 0) return false;
            // a statement of its own, so that it sees a task that was recorded while this one waited for its row
            const { text, values } = this.#statements.markDecided(record.decisionId);
            await run(text, values);
            return true;
          })
        : (await this.#session.once(statement)).length > 0;
      return done || (inDoubt && (await this.#isStamped(record.decisionId, mark.stamp)));
    });
  }

  async list({ status, agentId, toolName, overdueAtMs, limit = storeLimits.listed }: ApprovalQuery): Promise<readonly ApprovalRecord[]> {
    const conditions: string[] = [];
    const values: unknown[] = [limit];
    const add = (condition: string, value: unknown): void => void conditions.push(`${condition} $${values.push(value)}`);
    if (status !== undefined) add('status =', status);
    if (agentId !== undefined) add('agent_id =', indexKey(agentId));
    if (toolName !== undefined) add('tool_name =', indexKey(toolName));
    if (overdueAtMs !== undefined) add('expires_at <=', Math.floor(overdueAtMs));
    return this.#some(`${conditions.length > 0 ? 'WHERE ' : ''}${conditions.join(' AND ')} ORDER BY seq LIMIT $1`, values);
  }

  async countPending(agentId: string, toolName: string): Promise<number> {
    const text = `SELECT count(*) AS count FROM ${this.#session.schema}.approval WHERE agent_id = $1 AND tool_name = $2 AND status = 'pending'`;
    const [row] = await this.#session.read<{ count: string }>({ text, values: [indexKey(agentId), indexKey(toolName)] });
    return Number(row?.count);
  }

  async listDenied(agentId: string, toolName: string, sinceMs: number): Promise<readonly ApprovalRecord[]> {
    const newest = await this.#some(
      `WHERE agent_id = $1 AND tool_name = $2 AND status = 'denied' AND denied_at >= $3 ORDER BY denied_at DESC, changed_at DESC, seq DESC LIMIT $4`,
      [indexKey(agentId), indexKey(toolName), Math.floor(sinceMs), storeLimits.listedDenied],
    );
    return newest.toReversed();
  }

  async prune(endedByMs: number): Promise<number> {
    const text = `WITH gone AS (DELETE FROM ${this.#session.schema}.approval WHERE expires_at <= $1 RETURNING 1) SELECT count(*) AS count FROM gone`;
    const endMs = Math.min(Math.floor(endedByMs), Number.MAX_SAFE_INTEGER);
    const [row] = await this.#session.read<{ count: string }>({ text, values: [endMs] });
    return Number(row?.count);
  }

  async begunPage(page: number): Promise<BegunPage | undefined> {
    const text = `SELECT page, version::int AS version, body FROM ${this.#session.schema}.begun_page WHERE page = $1`;
    return (await this.#session.read<BegunPage>({ text, values: [page] }))[0];
  }

  async replaceBegun(record: ApprovalRecord, version: number, page: BegunPage): Promise<boolean> {
    const s = this.#session.schema;
    const mark = { stamp: nextId('w'), ownerId: this.#session.ownerId };
    const { text, values } = this.#statements.replace(record, version, mark);
    const lock = `SELECT 1 FROM ${s}.approval WHERE decision_id = $1 AND version = $2 FOR UPDATE`;
    const write = `INSERT INTO ${s}.begun_page (page, version, body) VALUES ($1, $2, $3) ON CONFLICT (page)
      DO UPDATE SET version = excluded.version, body = excluded.body WHERE begun_page.version = excluded.version - 1`;
    return this.#session.certainly(async (inDoubt) => {
      const done = await this.#session.together(async (run) => {
        if ((await run(lock, [indexKey(record.decisionId), version])).rowCount === 0) return false;
        if ((await run(write, [page.page, page.version, page.body])).rowCount === 0) return false;
        await run(text, values);
        return true;
      });
      return done || (inDoubt && (await this.#isStamped(record.decisionId, mark.stamp)));
    });
  }

  /** Binds what schema version 3 left unbound, in one transaction. Of several processes that try, one does it. */
  async bindOlder(bind: BindOlder): Promise<void> {
    const [meta] = await this.#session.read<{ unbound: boolean }>({ text: `SELECT unbound FROM ${this.#session.schema}.meta`, values: [] });
    if (meta?.unbound === true) await this.#session.certainly(() => this.#session.together((run) => this.#bindAll(bind, run)));
  }

  async #bindAll(bind: BindOlder, run: RunSql): Promise<void> {
    const { schema: s, ownerId } = this.#session;
    if ((await run(`SELECT 1 FROM ${s}.meta WHERE unbound FOR UPDATE`)).rowCount === 0) return;
    const found = { bound: 0, left: 0 };
    const next = `SELECT seq, body FROM ${s}.approval WHERE status IN ('pending', 'approved') AND seq > $1 ORDER BY seq LIMIT ${BATCH} FOR UPDATE`;
    for (let last = '0'; ;) {
      const rows = (await run(next, [last])).rows as ApprovalRow[];
      for (const row of rows) {
        last = row.seq;
        const record = approvalFromRow(row);
        const task = record.bindingDigest === undefined ? await this.#taskOf(record.decisionId, run) : undefined;
        if (task === undefined) continue;
        const bound = bind(record, taskFromRow(task));
        found[bound === undefined ? 'left' : 'bound'] += 1;
        if (bound === undefined) continue;
        const { text, values } = this.#statements.overwrite(row.seq, bound, { stamp: `${ownerId} bound`, ownerId });
        await run(text, values);
      }
      if (rows.length < BATCH) break;
    }
    // a process with another state key can bind none of them: the right one still has to
    if (found.bound > 0 || found.left === 0) await run(`UPDATE ${s}.meta SET unbound = false`);
  }

  async #taskOf(decisionId: string, run: RunSql): Promise<TaskRow | undefined> {
    const s = this.#session.schema;
    const text = `SELECT ${TASK_COLUMNS} FROM ${s}.task WHERE decision_id = $1
      AND task_id = (SELECT task_id FROM ${s}.task_decision WHERE decision_id = $1)`;
    return (await run(text, [indexKey(decisionId)])).rows[0] as TaskRow | undefined;
  }

  async #isStamped(decisionId: string, stamp: string): Promise<boolean> {
    const text = `SELECT 1 FROM ${this.#session.schema}.approval WHERE decision_id = $1 AND stamp = $2`;
    return (await this.#session.once({ text, values: [indexKey(decisionId), stamp] })).length > 0;
  }

  async #some(rest: string, values: unknown[]): Promise<readonly ApprovalRecord[]> {
    const text = `SELECT body FROM ${this.#session.schema}.approval ${rest}`;
    return (await this.#session.read<{ body: string }>({ text, values })).map(approvalFromRow);
  }
}
