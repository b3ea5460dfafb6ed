import { freezeDeep } from '../../model/snapshot/frozenData.js';
import { cardFromRow, storedCard } from '../approval/approvalCard.js';
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
import { DEFAULT_TENANT, UNOWNED } from '../tenant/tenantScope.js';
import type { TenantScope } from '../tenant/tenantScope.js';
import { readDecision, recordApprovalChange, taskFromRow, writeApprovalRow } from './rows.js';
import { TENANTS_VERSION } from './file/schema.js';
import type { SqliteDatabase, SqlValue } from './SqliteDatabase.js';
import { isUnchanged } from './haltChanges.js';
import { SqliteRecordStore } from './SqliteRecordStore.js';
import { fromStoredJson, toStoredJson } from '../storedJson.js';
import { storeLimits } from '../storeLimits.js';

interface ApprovalRow {
  readonly body: string;
}

/** Says in `meta` that approvals of before schema version 4 have not been bound yet. */
const UNBOUND = "SELECT 1 FROM meta WHERE key = 'unbound'";

/** Keeps the approvals of one tenant in a SQLite file. A verdict and the mark on the task that waits for it are one transaction. */
export class SqliteApprovalStore implements ApprovalStore {
  readonly insertsBeside = true;
  readonly counters: CounterStore | undefined;
  readonly #db: SqliteDatabase;
  readonly #scope: TenantScope;
  readonly #records: SqliteRecordStore;
  /** How many pending ones of each agent and tool wait to be committed. */
  readonly #inserting = new Map<string, number>();

  /** @param counters of the same tenant, in the same file */
  constructor(db: SqliteDatabase, scope: TenantScope, counters?: CounterStore) {
    this.counters = counters;
    this.#db = db;
    this.#scope = scope;
    this.#records = new SqliteRecordStore(db, scope.tenantId);
  }

  insert(record: ApprovalRecord, card?: ApprovalCard, beside?: readonly StoredRecord[], takes?: CounterChange): boolean | Promise<boolean> {
    const inserted = this.#db.writeTogether(() => this.#inserted(record, card) && this.#records.insertBeside(beside, takes));
    return typeof inserted === 'boolean' ? inserted : this.#counted(record, inserted);
  }

  /** Until it is committed, no query sees it, and the others of its turn must not go beyond what is allowed. */
  async #counted({ agentId, toolName }: ApprovalRecord, inserted: Promise<boolean>): Promise<boolean> {
    const key = openingKey(agentId, toolName);
    this.#inserting.set(key, (this.#inserting.get(key) ?? 0) + 1);
    try {
      return await inserted;
    } finally {
      const left = (this.#inserting.get(key) ?? 0) - 1;
      if (left > 0) this.#inserting.set(key, left);
      else this.#inserting.delete(key);
    }
  }

  #inserted(record: ApprovalRecord, card: ApprovalCard | undefined): boolean {
    const { decisionId, status, agentId, toolName, version, createdAtMs, expiresAtMs, verdicts, idempotency } = record;
    const { tenantId, forOthers, keepMs } = this.#scope;
    const shown = [decisionId, status, agentId, toolName, version, createdAtMs, expiresAtMs, verdicts.at(-1)?.atMs ?? 0];
    // code that knows no tenants would take it for one of its own
    if (tenantId !== DEFAULT_TENANT)
      this.#db.run("UPDATE meta SET value = ? WHERE key = 'min_reader' AND value < ?", TENANTS_VERSION, TENANTS_VERSION);
    const { changes } = this.#db.run(
      `INSERT INTO approval (decision_id, status, agent_id, tool_name, version, created_at, expires_at, decided_at, tenant_id, owner_id, tasked,
          idempotency_key, card, card_version, keep_until, body)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, EXISTS (SELECT 1 FROM task_decision WHERE decision_id = ?), ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...shown,
      tenantId,
      forOthers ? UNOWNED : this.#db.ownerId,
      decisionId,
      idempotency?.key ?? null,
      storedCard(record, card),
      version,
      keepMs === 0 ? 0 : expiresAtMs + keepMs,
      toStoredJson(record),
    );
    if (changes > 0) recordApprovalChange(this.#db, record);
    return changes > 0;
  }

  get(decisionId: string): ApprovalRecord | undefined {
    const sql = 'SELECT body FROM approval WHERE decision_id = ? AND tenant_id = ?';
    const row = this.#db.get<ApprovalRow>(sql, decisionId, this.#scope.tenantId);
    return row && recordIn(row);
  }

  replace(
    record: ApprovalRecord,
    version: number,
    card?: ApprovalCard,
    beside?: readonly StoredRecord[],
    conditions?: ChangeConditions,
    takes?: CounterChange,
  ): boolean | Promise<boolean> {
    return this.#db.writeTogether(
      () => this.#holds(conditions) && this.#replaced(record, version, card) && this.#records.insertBeside(beside, takes),
    );
  }

  list({ status, agentId, toolName, overdueAtMs, overdueSinceMs, limit = storeLimits.listed }: ApprovalQuery): readonly ApprovalRecord[] {
    const { conditions, values } = this.#conditions(
      { status, agentId, toolName },
      ['expires_at <= ?', overdueAtMs],
      ['expires_at > ?', overdueSinceMs],
    );
    // few have expired and many have not: sorting those few is cheaper than reading all in order
    const by = overdueAtMs === undefined ? '' : 'INDEXED BY approval_tenant_expires';
    const sql = `SELECT body FROM approval ${by} WHERE ${conditions} ORDER BY ord LIMIT ?`;
    return this.#db.all<ApprovalRow>(sql, ...values, Number.isFinite(limit) ? limit : -1).map(recordIn);
  }

  countPending(agentId: string, toolName: string, cap: number = Infinity): number {
    const sql = `SELECT count(*) AS n FROM (SELECT 1 FROM approval WHERE tenant_id = ? AND tool_name = ? AND agent_id = ? AND status = 'pending' LIMIT ?)`;
    const limit = Number.isFinite(cap) ? cap + 1 : -1;
    const committed = this.#db.get<{ n: number }>(sql, this.#scope.tenantId, toolName, agentId, limit)?.n ?? 0;
    return this.#inserting.size === 0 ? committed : committed + (this.#inserting.get(openingKey(agentId, toolName)) ?? 0);
  }

  ofIdempotencyKey(agentId: string, key: string): ApprovalRecord | undefined {
    const sql = 'SELECT body FROM approval WHERE tenant_id = ? AND agent_id = ? AND idempotency_key = ?';
    const row = this.#db.get<ApprovalRow>(sql, this.#scope.tenantId, agentId, key);
    return row && recordIn(row);
  }

  page(query: ApprovalPageQuery): Promise<ApprovalPage> {
    const [beyond, order] = query.order === 'oldest' ? ['ord > ?', 'ASC'] : ['ord < ?', 'DESC'];
    return fillPage(query, (after, count) => {
      const place = after === undefined ? undefined : ordOf(after);
      if (place !== undefined && Number.isNaN(place)) return [];
      const { conditions, values } = this.#conditions(query, [beyond, place]);
      // a body is read only where the card is missing, or older than its row
      const body = 'CASE WHEN card_version = version AND card IS NOT NULL THEN NULL ELSE body END AS body';
      const sql = `SELECT ord, card, ${body} FROM approval WHERE ${conditions} ORDER BY ord ${order} LIMIT ?`;
      return this.#db
        .all<CardRow & { readonly ord: number }>(sql, ...values, count)
        .map((row) => ({ card: cardFromRow(row), place: String(row.ord) }));
    });
  }

  listDenied(agentId: string, toolName: string, sinceMs: number): readonly ApprovalRecord[] {
    const sql = `SELECT body FROM approval WHERE tenant_id = ? AND status = 'denied' AND tool_name = ? AND agent_id = ? AND decided_at >= ?
      ORDER BY seq DESC, ord DESC LIMIT ${storeLimits.listedDenied}`;
    return this.#db.all<ApprovalRow>(sql, this.#scope.tenantId, toolName, agentId, sinceMs).map(recordIn).reverse();
  }

  prune(endedByMs: number): number {
    const sql = 'DELETE FROM approval WHERE tenant_id = ? AND expires_at <= ? AND keep_until <= ?';
    return this.#db.write(() => this.#db.run(sql, this.#scope.tenantId, endedByMs, endedByMs).changes);
  }

  begunPage(page: number): BegunPage | undefined {
    const { tenantId } = this.#scope;
    if (tenantId === DEFAULT_TENANT) return this.#db.get<BegunPage>('SELECT page, version, body FROM begun_page WHERE page = ?', page);
    const sql = 'SELECT part AS page, version, body FROM record_head WHERE tenant_id = ? AND kind = ? AND part = ?';
    return this.#db.get<BegunPage>(sql, tenantId, BEGUN_KIND, page);
  }

  replaceBegun(
    record: ApprovalRecord,
    version: number,
    page: BegunPage,
    card?: ApprovalCard,
    beside?: readonly StoredRecord[],
    conditions?: ChangeConditions,
    takes?: CounterChange,
  ): boolean | Promise<boolean> {
    const { decisionId } = record;
    const { tenantId } = this.#scope;
    const isAsRead = 'SELECT 1 FROM approval WHERE decision_id = ? AND version = ? AND tenant_id = ?';
    return this.#db.writeTogether(() => {
      if (!this.#holds(conditions) || this.#db.get(isAsRead, decisionId, version, tenantId) === undefined) return false;
      return this.#writePage(page) && this.#replaced(record, version, card) && this.#records.insertBeside(beside, takes);
    });
  }

  #holds({ haltChanges }: ChangeConditions = {}): boolean {
    return isUnchanged(this.#db, this.#scope.tenantId, haltChanges);
  }

  #writePage({ page, version, body }: BegunPage): boolean {
    const { tenantId } = this.#scope;
    const sql =
      tenantId === DEFAULT_TENANT
        ? `INSERT INTO begun_page (page, version, body) VALUES (?, ?, ?) ON CONFLICT (page)
            DO UPDATE SET version = excluded.version, body = excluded.body WHERE begun_page.version = excluded.version - 1`
        : `INSERT INTO record_head (part, version, body, tenant_id, kind) VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant_id, kind, part)
            DO UPDATE SET version = excluded.version, body = excluded.body WHERE record_head.version = excluded.version - 1`;
    const scope = tenantId === DEFAULT_TENANT ? [] : [tenantId, BEGUN_KIND];
    return this.#db.run(sql, page, version, body, ...scope).changes > 0;
  }

  #replaced(record: ApprovalRecord, version: number, card: ApprovalCard | undefined): boolean {
    const { tenantId, keepMs } = this.#scope;
    return writeApprovalRow(this.#db, record, version, { tenantId, keepMs, card });
  }

  #conditions(
    { status, agentId, toolName }: ApprovalQuery,
    ...bounds: readonly (readonly [string, number | undefined])[]
  ): { readonly conditions: string; readonly values: readonly SqlValue[] } {
    const given = [
      ['tenant_id = ?', this.#scope.tenantId] as const,
      ['status = ?', status] as const,
      ['agent_id = ?', agentId] as const,
      ['tool_name = ?', toolName] as const,
      ...bounds,
    ].flatMap(([condition, value]) => (value === undefined ? [] : [{ condition, value }]));
    return { conditions: given.map(({ condition }) => condition).join(' AND '), values: given.map(({ value }) => value) };
  }

  /** Binds what schema version 3 left unbound, in one transaction. Of several processes that try, one does it. */
  bindOlder(bind: BindOlder): void {
    const db = this.#db;
    // there were no other tenants
    if (this.#scope.tenantId !== DEFAULT_TENANT || db.get(UNBOUND) === undefined) return;
    db.write(() => {
      if (db.get(UNBOUND) === undefined) return;
      const found = { bound: 0, left: 0 };
      for (const row of db.all<ApprovalRow>(
        "SELECT body FROM approval WHERE status IN ('pending', 'approved') AND tenant_id = 'default'",
      )) {
        const record = recordIn(row);
        const task = record.bindingDigest === undefined ? readDecision(db, record.decisionId) : undefined;
        if (task === undefined) continue;
        const bound = bind(record, taskFromRow(task));
        found[bound === undefined ? 'left' : 'bound'] += 1;
        if (bound !== undefined) writeApprovalRow(db, bound, record.version);
      }
      // a process with another state key can bind none of them: the right one still has to
      if (found.bound > 0 || found.left === 0) db.run("DELETE FROM meta WHERE key = 'unbound'");
    });
  }
}

function recordIn({ body }: ApprovalRow): ApprovalRecord {
  return freezeDeep(fromStoredJson(body) as ApprovalRecord);
}

function openingKey(agentId: string, toolName: string): string {
  return JSON.stringify([agentId, toolName]);
}

/** Where a page ends; a text that is no cursor is followed by nothing. */
function ordOf(cursor: string): number {
  return /^[1-9]\d{0,14}$/.test(cursor) ? Number(cursor) : Number.NaN;
}
