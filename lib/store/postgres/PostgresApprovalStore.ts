import { nextId } from '../../common/nextId.js';
import { cardFromRow } from '../approval/approvalCard.js';
import type { CardRow } from '../approval/approvalCard.js';
import { fillPage } from '../approval/approvalPage.js';
import type {
  ApprovalCard,
  ApprovalPage,
  ApprovalPageQuery,
  ApprovalQuery,
  ApprovalRecord,
  ApprovalStore,
  BegunPage,
  BindOlder,
  ChangeConditions,
} from '../ApprovalStore.js';
import type { CounterChange, CounterStore } from '../counter/CounterStore.js';
import { BEGUN_KIND } from '../record/checkedRecord.js';
import type { StoredRecord } from '../RecordStore.js';
import { DEFAULT_TENANT } from '../tenant/tenantScope.js';
import type { TenantScope } from '../tenant/tenantScope.js';
import { TENANTS_VERSION } from './schema.js';
import { storeLimits } from '../storeLimits.js';
import type { PostgresSession } from './PostgresSession.js';
import { approvalFromRow, indexKey, TASK_COLUMNS, taskFromRow } from './rows.js';
import type { TaskRow } from './rows.js';
import { ApprovalStatements, insertBeside } from './statements.js';
import type { RecordPlace, RunSql } from './statements.js';

/** How many older approvals are bound at once. */
const BATCH = 500;

interface ApprovalRow {
  readonly seq: string;
  readonly body: string;
}

/** Keeps the approvals of one tenant in PostgreSQL, beside the tasks that wait for them. */
export class PostgresApprovalStore implements ApprovalStore {
  readonly insertsBeside = true;
  readonly counters: CounterStore | undefined;
  readonly #session: PostgresSession;
  readonly #scope: TenantScope;
  readonly #statements: ApprovalStatements;
  #raised = false;

  /** @param counters of the same tenant, in the same schema */
  constructor(session: PostgresSession, scope: TenantScope, counters?: CounterStore) {
    this.counters = counters;
    this.#session = session;
    this.#scope = scope;
    this.#statements = new ApprovalStatements(session.schema, scope);
  }

  async insert(record: ApprovalRecord, card?: ApprovalCard, beside: readonly StoredRecord[] = [], takes?: CounterChange): Promise<boolean> {
    if (this.#isOther && !this.#raised) await this.#raiseMinReader();
    const mark = { stamp: nextId('w'), ownerId: this.#session.ownerId };
    const statement = this.#statements.insert(record, mark, card);
    return this.#session.certainly(async (inDoubt) => {
      const done =
        beside.length === 0 && takes === undefined
          ? (await this.#session.once(statement)).length > 0
          : await this.#session.together(
              async (run) => (await run(statement.text, statement.values)).rows.length > 0 && insertBeside(run, this.#place, beside, takes),
            );
      return done || (inDoubt && (await this.#isStamped(record.decisionId, mark.stamp)));
    });
  }

  async get(decisionId: string): Promise<ApprovalRecord | undefined> {
    return (await this.#some('decision_id = $2', [indexKey(decisionId)]))[0];
  }

  async ofIdempotencyKey(agentId: string, key: string): Promise<ApprovalRecord | undefined> {
    return (await this.#some('agent_id = $2 AND idempotency_key = $3', [indexKey(agentId), indexKey(key)]))[0];
  }

  async replace(
    record: ApprovalRecord,
    version: number,
    card?: ApprovalCard,
    beside: readonly StoredRecord[] = [],
    conditions: ChangeConditions = {},
    takes?: CounterChange,
  ): Promise<boolean> {
    const mark = { stamp: nextId('w'), ownerId: this.#session.ownerId };
    const statement = this.#statements.replace(record, version, mark, card);
    const decided = record.status !== 'pending' && record.consumed === undefined;
    return this.#session.certainly(async (inDoubt) => {
      const done =
        decided || beside.length > 0 || conditions.haltChanges !== undefined || takes !== undefined
          ? await this.#together(conditions, async (run) => {
              if ((await run(statement.text, statement.values)).rows.length === 0) return false;
              // a statement of its own, so that it sees a task that was recorded while this one waited for its row
              const { text, values } = this.#statements.markDecided(record.decisionId);
              if (decided) await run(text, values);
              return insertBeside(run, this.#place, beside, takes);
            })
          : (await this.#session.once(statement)).length > 0;
      return done || (inDoubt && (await this.#isStamped(record.decisionId, mark.stamp)));
    });
  }

  async list({
    status,
    agentId,
    toolName,
    overdueAtMs,
    overdueSinceMs,
    limit = storeLimits.listed,
  }: ApprovalQuery): Promise<readonly ApprovalRecord[]> {
    const bound = (ms: number | undefined): number | undefined => ms && Math.min(Math.floor(ms), Number.MAX_SAFE_INTEGER);
    const { condition, values } = conditionOf(
      { status, agentId, toolName },
      ['expires_at <=', bound(overdueAtMs)],
      ['expires_at >', bound(overdueSinceMs)],
    );
    const count = Number.isFinite(limit) ? `LIMIT ${Math.floor(limit)}` : '';
    return this.#some(`${condition} ORDER BY seq ${count}`, values);
  }

  page(query: ApprovalPageQuery): Promise<ApprovalPage> {
    const [beyond, order] = query.order === 'oldest' ? ['seq >', 'ASC'] : ['seq <', 'DESC'];
    return fillPage(query, async (after, count) => {
      const place = after === undefined ? undefined : seqOf(after);
      if (place !== undefined && Number.isNaN(place)) return [];
      const { condition, values } = conditionOf(query, [beyond, place]);
      // a body is read only where the card is missing, or older than its row
      const text = `SELECT seq, card, CASE WHEN card_version = version AND card IS NOT NULL THEN NULL ELSE body END AS body
        FROM ${this.#session.schema}.approval WHERE tenant_id = $1 AND ${condition} ORDER BY seq ${order} LIMIT ${Math.floor(count)}`;
      const rows = await this.#session.read<CardRow & { readonly seq: string }>({ text, values: [this.#scope.tenantId, ...values] });
      return rows.map((row) => ({ card: cardFromRow(row), place: row.seq }));
    });
  }

  async countPending(agentId: string, toolName: string, cap: number = Infinity): Promise<number> {
    const count = Number.isFinite(cap) ? `LIMIT ${Math.floor(cap) + 1}` : '';
    const text = `SELECT count(*) AS count FROM (SELECT 1 FROM ${this.#session.schema}.approval
      WHERE tenant_id = $1 AND agent_id = $2 AND tool_name = $3 AND status = 'pending' ${count}) AS pending`;
    const values = [this.#scope.tenantId, indexKey(agentId), indexKey(toolName)];
    const [row] = await this.#session.read<{ count: string }>({ text, values });
    return Number(row?.count);
  }

  async listDenied(agentId: string, toolName: string, sinceMs: number): Promise<readonly ApprovalRecord[]> {
    const newest = await this.#some(
      `agent_id = $2 AND tool_name = $3 AND status = 'denied' AND denied_at >= $4 ORDER BY denied_at DESC, changed_at DESC, seq DESC LIMIT $5`,
      [indexKey(agentId), indexKey(toolName), Math.floor(sinceMs), storeLimits.listedDenied],
    );
    return newest.toReversed();
  }

  async prune(endedByMs: number): Promise<number> {
    const text = `WITH gone AS (DELETE FROM ${this.#session.schema}.approval WHERE tenant_id = $1 AND expires_at <= $2 AND keep_until <= $2 RETURNING 1)
      SELECT count(*) AS count FROM gone`;
    const endMs = Math.min(Math.floor(endedByMs), Number.MAX_SAFE_INTEGER);
    const [row] = await this.#session.read<{ count: string }>({ text, values: [this.#scope.tenantId, endMs] });
    return Number(row?.count);
  }

  async begunPage(page: number): Promise<BegunPage | undefined> {
    const s = this.#session.schema;
    const statement = this.#isOther
      ? {
          text: `SELECT part AS page, version, body FROM ${s}.record_head WHERE part = $1 AND tenant_id = $2 AND kind = $3`,
          values: [page, this.#scope.tenantId, BEGUN_KIND],
        }
      : { text: `SELECT page, version::int AS version, body FROM ${s}.begun_page WHERE page = $1`, values: [page] };
    return (await this.#session.read<BegunPage>(statement))[0];
  }

  async replaceBegun(
    record: ApprovalRecord,
    version: number,
    page: BegunPage,
    card?: ApprovalCard,
    beside?: readonly StoredRecord[],
    conditions: ChangeConditions = {},
    takes?: CounterChange,
  ): Promise<boolean> {
    const s = this.#session.schema;
    const mark = { stamp: nextId('w'), ownerId: this.#session.ownerId };
    const { text, values } = this.#statements.replace(record, version, mark, card);
    const lock = `SELECT 1 FROM ${s}.approval WHERE decision_id = $1 AND version = $2 AND tenant_id = $3 FOR UPDATE`;
    const changed = 'DO UPDATE SET version = excluded.version, body = excluded.body';
    const write = this.#isOther
      ? `INSERT INTO ${s}.record_head (part, version, body, tenant_id, kind) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, kind, part)
          ${changed} WHERE record_head.version = excluded.version - 1`
      : `INSERT INTO ${s}.begun_page (page, version, body) VALUES ($1, $2, $3) ON CONFLICT (page)
          ${changed} WHERE begun_page.version = excluded.version - 1`;
    const owner = this.#isOther ? [this.#scope.tenantId, BEGUN_KIND] : [];
    return this.#session.certainly(async (inDoubt) => {
      const done = await this.#together(conditions, async (run) => {
        if ((await run(lock, [indexKey(record.decisionId), version, this.#scope.tenantId])).rowCount === 0) return false;
        if ((await run(write, [page.page, page.version, page.body, ...owner])).rowCount === 0) return false;
        await run(text, values);
        return insertBeside(run, this.#place, beside, takes);
      });
      return done || (inDoubt && (await this.#isStamped(record.decisionId, mark.stamp)));
    });
  }

  async #together({ haltChanges }: ChangeConditions, work: (run: RunSql) => Promise<boolean>): Promise<boolean> {
    if (haltChanges === undefined) return this.#session.together(work);
    return (await this.#session.unlessHalted({ tenantId: this.#scope.tenantId, haltChanges }, work)) === true;
  }

  /** Binds what schema version 3 left unbound, in one transaction. Of several processes that try, one does it. */
  async bindOlder(bind: BindOlder): Promise<void> {
    // there were no other tenants
    if (this.#isOther) return;
    const [meta] = await this.#session.read<{ unbound: boolean }>({ text: `SELECT unbound FROM ${this.#session.schema}.meta`, values: [] });
    if (meta?.unbound === true) await this.#session.certainly(() => this.#session.together((run) => this.#bindAll(bind, run)));
  }

  async #bindAll(bind: BindOlder, run: RunSql): Promise<void> {
    const { schema: s, ownerId } = this.#session;
    if ((await run(`SELECT 1 FROM ${s}.meta WHERE unbound FOR UPDATE`)).rowCount === 0) return;
    const found = { bound: 0, left: 0 };
    const next = `SELECT seq, body FROM ${s}.approval WHERE tenant_id = '${DEFAULT_TENANT}' AND status IN ('pending', 'approved')
      AND seq > $1 ORDER BY seq LIMIT ${BATCH} FOR UPDATE`;
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

  /** Code that knows no tenants would take what is inserted for one of its own. */
  async #raiseMinReader(): Promise<void> {
    const text = `UPDATE ${this.#session.schema}.version SET min_reader = $1 WHERE min_reader < $1`;
    await this.#session.read({ text, values: [TENANTS_VERSION] });
    this.#raised = true;
  }

  get #place(): RecordPlace {
    return { schema: this.#session.schema, tenantId: this.#scope.tenantId };
  }

  get #isOther(): boolean {
    return this.#scope.tenantId !== DEFAULT_TENANT;
  }

  /** @param condition counts its values from $2 on */
  async #some(condition: string, values: readonly unknown[]): Promise<readonly ApprovalRecord[]> {
    const text = `SELECT body FROM ${this.#session.schema}.approval WHERE tenant_id = $1 AND ${condition}`;
    return (await this.#session.read<{ body: string }>({ text, values: [this.#scope.tenantId, ...values] })).map(approvalFromRow);
  }
}

/** The conditions of a query, whose values are counted from $2 on. */
function conditionOf(
  { status, agentId, toolName }: ApprovalQuery,
  ...last: readonly (readonly [string, number | undefined])[]
): { readonly condition: string; readonly values: readonly unknown[] } {
  const given = [
    ['status =', status] as const,
    ['agent_id =', agentId === undefined ? undefined : indexKey(agentId)] as const,
    ['tool_name =', toolName === undefined ? undefined : indexKey(toolName)] as const,
    ...last,
  ].filter(([, value]) => value !== undefined);
  return {
    condition: ['TRUE', ...given.map(([column], i) => `${column} $${i + 2}`)].join(' AND '),
    values: given.map(([, value]) => value),
  };
}

/** Where a page ends; a text that is no cursor is followed by nothing. */
function seqOf(cursor: string): number {
  return /^[1-9]\d{0,14}$/.test(cursor) ? Number(cursor) : Number.NaN;
}
