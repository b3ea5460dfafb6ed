import { isStorable } from '../../common/data/isStorable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { RecordChange, RecordHead, RecordPage, RecordQuery, SignableRecordStore, StoredRecord } from '../RecordStore.js';
import type { CounterChange, CounterStore } from '../counter/CounterStore.js';
import { checkedRecord, withoutAbsent } from '../record/checkedRecord.js';
import { placeOf, recordCursor } from '../record/recordCursor.js';
import { storeLimits } from '../storeLimits.js';
import { GRANT_KIND, HALT_KIND } from '../RecordStore.js';
import { changeRows } from './counter/CounterSql.js';
import { recordChange } from './ChangeFeed.js';
import { countHaltChange, endOlderReaders, haltChanges } from './haltChanges.js';
import type { SqliteDatabase, SqlValue } from './SqliteDatabase.js';

const COLUMNS = 'kind, id, version, index1, index2, created_at AS createdAtMs, delete_after AS deleteAfterMs, body, mac';

/** Keeps the records of one tenant in a SQLite file. */
export class SqliteRecordStore implements SignableRecordStore {
  readonly insertsBeside = true;
  readonly counters: CounterStore | undefined;
  readonly #db: SqliteDatabase;
  readonly #tenantId: string;

  /** @param counters of the same tenant, in the same file */
  constructor(db: SqliteDatabase, tenantId: string, counters?: CounterStore) {
    this.counters = counters;
    this.#db = db;
    this.#tenantId = tenantId;
  }

  insert(record: StoredRecord, beside?: readonly StoredRecord[], takes?: CounterChange): boolean {
    const made = checkedRecord(record, 1);
    return this.#db.write(() => this.#insert(made) && this.insertBeside(beside, takes));
  }

  /** Inserts records, and counts what is counted with them, in the transaction that is open. */
  insertBeside(beside: readonly StoredRecord[] = [], takes?: CounterChange): true {
    changeRows(this.#db, this.#tenantId, takes);
    for (const record of beside) insertRow(this.#db, this.#tenantId, checkedRecord(record, 1));
    return true;
  }

  get(kind: string, id: string): StoredRecord | undefined {
    // SQLite would look for another text
    if (!isStorable(id)) return undefined;
    const sql = `SELECT ${COLUMNS} FROM record WHERE tenant_id = ? AND kind = ? AND id = ?`;
    const row = this.#db.get<StoredRecord>(sql, this.#tenantId, kind, id);
    return row && recordIn(row);
  }

  replace(record: StoredRecord, version: number, beside?: readonly StoredRecord[], takes?: CounterChange): boolean {
    const next = checkedRecord(record, version + 1);
    return this.#db.write(() => this.#replace(next) && this.insertBeside(beside, takes));
  }

  delete(kind: string, id: string, version: number): boolean {
    if (!isStorable(id)) return false;
    const sql = 'DELETE FROM record WHERE tenant_id = ? AND kind = ? AND id = ? AND version = ?';
    return this.#db.write(() => this.#noted(this.#db.run(sql, this.#tenantId, kind, id, version).changes > 0, { kind, id, version }));
  }

  list({ kind, index1, index2, cursor, limit = storeLimits.listedRecords }: RecordQuery): RecordPage {
    const conditions = ['tenant_id = ?', 'kind = ?'];
    const values: SqlValue[] = [this.#tenantId, kind];
    const add = (condition: string, ...more: SqlValue[]): void => {
      conditions.push(condition);
      values.push(...more);
    };
    if (index1 !== undefined) add('index1 = ?', index1);
    if (index2 !== undefined) add('index2 = ?', index2);
    if (cursor !== undefined) add('(created_at, id) > (?, ?)', ...placeOf(cursor));
    if (values.some((value) => typeof value === 'string' && !isStorable(value))) return { records: [] };
    const sql = `SELECT ${COLUMNS} FROM record WHERE ${conditions.join(' AND ')} ORDER BY created_at, id LIMIT ?`;
    const found = this.#db.all<StoredRecord>(sql, ...values, Number.isFinite(limit) ? limit + 1 : -1).map(recordIn);
    const records = found.slice(0, limit);
    const last = records.at(-1);
    return found.length > records.length && last !== undefined ? { records, cursor: recordCursor(last) } : { records };
  }

  haltChanges(): number {
    this.#db.checkFile();
    return haltChanges(this.#db, this.#tenantId);
  }

  prune(kind: string, nowMs: number): number {
    const sql = 'DELETE FROM record WHERE tenant_id = ? AND kind = ? AND delete_after <= ?';
    return this.#db.write(() => this.#db.run(sql, this.#tenantId, kind, nowMs).changes);
  }

  head(kind: string, part: number): RecordHead | undefined {
    const sql = 'SELECT kind, part, version, body FROM record_head WHERE tenant_id = ? AND kind = ? AND part = ?';
    return this.#db.get<RecordHead>(sql, this.#tenantId, kind, part);
  }

  heads(kind: string): readonly RecordHead[] {
    return this.#db.all<RecordHead>(
      'SELECT kind, part, version, body FROM record_head WHERE tenant_id = ? AND kind = ?',
      this.#tenantId,
      kind,
    );
  }

  ids(kind: string): readonly string[] {
    const rows = this.#db.all<{ id: string }>('SELECT id FROM record WHERE tenant_id = ? AND kind = ?', this.#tenantId, kind);
    return rows.map(({ id }) => id);
  }

  getAll(kind: string, ids: readonly string[]): readonly StoredRecord[] {
    return ids.flatMap((id) => this.get(kind, id) ?? []);
  }

  commit(
    change: RecordChange,
    { kind, part, version, body }: RecordHead,
    headVersion: number,
    beside?: readonly StoredRecord[],
    takes?: CounterChange,
  ): boolean {
    return this.#db.write(() => {
      if ((this.head(kind, part)?.version ?? 0) !== headVersion || !this.#change(change)) return false;
      this.#db.run(
        `INSERT INTO record_head (tenant_id, kind, part, version, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant_id, kind, part)
          DO UPDATE SET version = excluded.version, body = excluded.body`,
        this.#tenantId,
        kind,
        part,
        version,
        body,
      );
      return this.insertBeside(beside, takes);
    });
  }

  discard(kind: string, ids: readonly string[], beside?: readonly StoredRecord[]): Awaitable<void> {
    return this.#db.writeTogether(() => {
      if (kind === HALT_KIND) countHaltChange(this.#db, this.#tenantId);
      for (const id of ids) this.#db.run('DELETE FROM record WHERE tenant_id = ? AND kind = ? AND id = ?', this.#tenantId, kind, id);
      this.insertBeside(beside);
    });
  }

  #change(change: RecordChange): boolean {
    if (change.how === 'insert') return this.#insert(checkedRecord(change.record, 1));
    if (change.how === 'replace') return this.#replace(checkedRecord(change.record, change.record.version));
    const { kind, ids } = change;
    for (const id of ids) {
      this.#db.run('DELETE FROM record WHERE tenant_id = ? AND kind = ? AND id = ?', this.#tenantId, kind, id);
      this.#noted(true, { kind, id, version: 0 });
    }
    return true;
  }

  #insert(record: StoredRecord): boolean {
    return this.#noted(insertRow(this.#db, this.#tenantId, record), record);
  }

  #replace(record: StoredRecord): boolean {
    const { kind, id, version, index1 = null, index2 = null, createdAtMs, deleteAfterMs = null, body, mac = null } = record;
    const { changes } = this.#db.run(
      `UPDATE record SET version = ?, index1 = ?, index2 = ?, created_at = ?, delete_after = ?, body = ?, mac = ?
        WHERE tenant_id = ? AND kind = ? AND id = ? AND version = ?`,
      version,
      index1,
      index2,
      createdAtMs,
      deleteAfterMs,
      body,
      mac,
      this.#tenantId,
      kind,
      id,
      version - 1,
    );
    return this.#noted(changes > 0, record);
  }

  /** A change that was committed and is lost with the `-wal` of the file is noticed by its number. */
  #noted(done: boolean, { kind, id, version }: Pick<StoredRecord, 'kind' | 'id' | 'version'>): boolean {
    if (!done) return false;
    if (kind === HALT_KIND) countHaltChange(this.#db, this.#tenantId);
    // its uses change no more about that
    if (kind === GRANT_KIND && version === 1) endOlderReaders(this.#db);
    // the tenant: a change of a halt is reported
    recordChange(this.#db, { kind: 'record', id: `${kind} ${id}`, version, status: this.#tenantId, from: undefined });
    return true;
  }
}

function insertRow(db: SqliteDatabase, tenantId: string, record: StoredRecord): boolean {
  const { kind, id, version, index1 = null, index2 = null, createdAtMs, deleteAfterMs = null, body, mac = null } = record;
  const { changes } = db.run(
    `INSERT INTO record (tenant_id, kind, id, version, index1, index2, created_at, delete_after, body, mac)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    tenantId,
    kind,
    id,
    version,
    index1,
    index2,
    createdAtMs,
    deleteAfterMs,
    body,
    mac,
  );
  return changes > 0;
}

function recordIn(row: StoredRecord): StoredRecord {
  return Object.freeze(withoutAbsent({ ...row }));
}
