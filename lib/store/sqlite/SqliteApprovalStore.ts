import { freezeDeep } from '../../model/snapshot/frozenData.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore, BegunPage, BindOlder } from '../ApprovalStore.js';
import { readDecision, recordApprovalChange, taskFromRow, writeApprovalRow } from './rows.js';
import type { SqliteDatabase, SqlValue } from './SqliteDatabase.js';
import { fromStoredJson, toStoredJson } from '../storedJson.js';
import { storeLimits } from '../storeLimits.js';

interface ApprovalRow {
  readonly body: string;
}

/** Says in `meta` that approvals of before schema version 4 have not been bound yet. */
const UNBOUND = "SELECT 1 FROM meta WHERE key = 'unbound'";

/** Keeps approvals in a SQLite file. A verdict and the mark on the task that waits for it are one transaction. */
export class SqliteApprovalStore implements ApprovalStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  open(): void {
    this.#db.open('approvals');
  }

  close(): void {
    this.#db.close('approvals');
  }

  insert(record: ApprovalRecord): boolean {
    const { decisionId, status, agentId, toolName, version, createdAtMs, expiresAtMs, verdicts } = record;
    const shown = [decisionId, status, agentId, toolName, version, createdAtMs, expiresAtMs, verdicts.at(-1)?.atMs ?? 0];
    return this.#db.write(() => {
      const { changes } = this.#db.run(
        `INSERT INTO approval (decision_id, status, agent_id, tool_name, version, created_at, expires_at, decided_at, owner_id, tasked, body)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, EXISTS (SELECT 1 FROM task_decision WHERE decision_id = ?), ?) ON CONFLICT (decision_id) DO NOTHING`,
        ...shown,
        this.#db.ownerId,
        decisionId,
        toStoredJson(record),
      );
      if (changes > 0) recordApprovalChange(this.#db, record);
      return changes > 0;
    });
  }

  get(decisionId: string): ApprovalRecord | undefined {
    const row = this.#db.get<ApprovalRow>('SELECT body FROM approval WHERE decision_id = ?', decisionId);
    return row && recordIn(row);
  }

  replace(record: ApprovalRecord, version: number): boolean {
    return this.#db.write(() => writeApprovalRow(this.#db, record, version));
  }

  list({ status, agentId, toolName, overdueAtMs, limit = storeLimits.listed }: ApprovalQuery): readonly ApprovalRecord[] {
    const conditions = ['TRUE'];
    const values: SqlValue[] = [];
    for (const [condition, value] of [
      ['status = ?', status] as const,
      ['agent_id = ?', agentId] as const,
      ['tool_name = ?', toolName] as const,
      ['expires_at <= ?', overdueAtMs] as const,
    ]) {
      if (value === undefined) continue;
      conditions.push(condition);
      values.push(value);
    }
    // few have expired and many have not: sorting those few is cheaper than reading all in order
    const by = overdueAtMs === undefined ? '' : 'INDEXED BY approval_expires';
    const sql = `SELECT body FROM approval ${by} WHERE ${conditions.join(' AND ')} ORDER BY ord LIMIT ?`;
    return this.#db.all<ApprovalRow>(sql, ...values, Number.isFinite(limit) ? limit : -1).map(recordIn);
  }

  countPending(agentId: string, toolName: string): number {
    const sql = "SELECT count(*) AS n FROM approval WHERE tool_name = ? AND agent_id = ? AND status = 'pending'";
    return this.#db.get<{ n: number }>(sql, toolName, agentId)?.n ?? 0;
  }

  listDenied(agentId: string, toolName: string, sinceMs: number): readonly ApprovalRecord[] {
    const sql = `SELECT body FROM approval WHERE status = 'denied' AND tool_name = ? AND agent_id = ? AND decided_at >= ?
      ORDER BY seq DESC, ord DESC LIMIT ${storeLimits.listedDenied}`;
    return this.#db.all<ApprovalRow>(sql, toolName, agentId, sinceMs).map(recordIn).reverse();
  }

  prune(endedByMs: number): number {
    return this.#db.write(() => this.#db.run('DELETE FROM approval WHERE expires_at <= ?', endedByMs).changes);
  }

  begunPage(page: number): BegunPage | undefined {
    return this.#db.get<BegunPage>('SELECT page, version, body FROM begun_page WHERE page = ?', page);
  }

  replaceBegun(record: ApprovalRecord, version: number, { page, version: pageVersion, body }: BegunPage): boolean {
    const { decisionId } = record;
    return this.#db.write(() => {
      if (this.#db.get('SELECT 1 FROM approval WHERE decision_id = ? AND version = ?', decisionId, version) === undefined) return false;
      const written = this.#db.run(
        `INSERT INTO begun_page (page, version, body) VALUES (?, ?, ?) ON CONFLICT (page)
          DO UPDATE SET version = excluded.version, body = excluded.body WHERE begun_page.version = excluded.version - 1`,
        page,
        pageVersion,
        body,
      );
      return written.changes > 0 && writeApprovalRow(this.#db, record, version);
    });
  }

  /** Binds what schema version 3 left unbound, in one transaction. Of several processes that try, one does it. */
  bindOlder(bind: BindOlder): void {
    const db = this.#db;
    if (db.get(UNBOUND) === undefined) return;
    db.write(() => {
      if (db.get(UNBOUND) === undefined) return;
      const found = { bound: 0, left: 0 };
      for (const row of db.all<ApprovalRow>("SELECT body FROM approval WHERE status IN ('pending', 'approved')")) {
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
