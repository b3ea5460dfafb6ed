import { isStorable } from '../../../common/data/isStorable.js';
import { nextId } from '../../../common/nextId.js';
import type { RecordChange, RecordHead, RecordPage, RecordQuery, SignableRecordStore, StoredRecord } from '../../RecordStore.js';
import type { CounterChange, CounterStore } from '../../counter/CounterStore.js';
import { checkedRecord, withoutAbsent } from '../../record/checkedRecord.js';
import { GRANT_KIND, HALT_KIND } from '../../RecordStore.js';
import { placeOf, recordCursor } from '../../record/recordCursor.js';
import { storeLimits } from '../../storeLimits.js';
import type { PostgresSession } from '../PostgresSession.js';
import { GOVERNANCE_VERSION, SCHEMA_VERSION } from '../schema.js';
import { insertBeside, insertRecord, recordValues } from '../statements.js';
import type { RunSql, Statement } from '../statements.js';

const COLUMNS = 'kind, id, version, index1, index2, created_at AS "createdAtMs", delete_after AS "deleteAfterMs", body, mac';

/** Keeps the records of one tenant in PostgreSQL. */
export class PostgresRecordStore implements SignableRecordStore {
  readonly insertsBeside = true;
  readonly counters: CounterStore | undefined;
  readonly #session: PostgresSession;
  readonly #tenantId: string;

  /** @param counters of the same tenant, in the same schema */
  constructor(session: PostgresSession, tenantId: string, counters?: CounterStore) {
    this.counters = counters;
    this.#session = session;
    this.#tenantId = tenantId;
  }

  async insert(record: StoredRecord, beside?: readonly StoredRecord[], takes?: CounterChange): Promise<boolean> {
    const made = checkedRecord(record, 1);
    const stamp = nextId('w');
    const isMine = this.#stamped('record', 'kind = $3 AND id = $4', [made.kind, made.id], stamp);
    return this.#write(made.kind, this.#insert(made, stamp), isMine, beside, takes);
  }

  async get(kind: string, id: string): Promise<StoredRecord | undefined> {
    return (await this.#some('kind = $2 AND id = $3', [kind, id]))[0];
  }

  async replace(record: StoredRecord, version: number, beside?: readonly StoredRecord[], takes?: CounterChange): Promise<boolean> {
    const next = checkedRecord(record, version + 1);
    const stamp = nextId('w');
    const isMine = this.#stamped('record', 'kind = $3 AND id = $4', [next.kind, next.id], stamp);
    return this.#write(next.kind, this.#replace(next, stamp), isMine, beside, takes);
  }

  async delete(kind: string, id: string, version: number): Promise<boolean> {
    if (!isStorable(id)) return false;
    const s = this.#session.schema;
    const text = `WITH gone AS (DELETE FROM ${s}.record WHERE tenant_id = $1 AND kind = $2 AND id = $3 AND version = $4 RETURNING 1)
      SELECT ${s}.durably(${SCHEMA_VERSION}) FROM gone`;
    return this.#session.certainly(async (inDoubt) => {
      if (await this.#wrote(kind, { text, values: [this.#tenantId, kind, id, version] })) return true;
      // what is gone after a try whose answer was lost was deleted by that try
      return inDoubt && (await this.get(kind, id)) === undefined;
    });
  }

  async list({ kind, index1, index2, cursor, limit = storeLimits.listedRecords }: RecordQuery): Promise<RecordPage> {
    const values: unknown[] = [kind];
    const conditions = ['kind = $2'];
    // $1 is the tenant
    const placeholder = (value: unknown): string => `$${values.push(value) + 1}`;
    if (index1 !== undefined) conditions.push(`index1 = ${placeholder(index1)}`);
    if (index2 !== undefined) conditions.push(`index2 = ${placeholder(index2)}`);
    if (cursor !== undefined) conditions.push(`(created_at, id) > (${placeOf(cursor).map(placeholder).join(', ')})`);
    const count = Number.isFinite(limit) ? `LIMIT ${placeholder(limit + 1)}` : '';
    const found = await this.#some(`${conditions.join(' AND ')} ORDER BY created_at, id ${count}`, values);
    const records = found.slice(0, limit);
    const last = records.at(-1);
    return found.length > records.length && last !== undefined ? { records, cursor: recordCursor(last) } : { records };
  }

  async prune(kind: string, nowMs: number): Promise<number> {
    const text = `WITH gone AS (DELETE FROM ${this.#session.schema}.record WHERE tenant_id = $1 AND kind = $2 AND delete_after <= $3 RETURNING 1)
      SELECT count(*)::int AS count FROM gone`;
    const [row] = await this.#session.read<{ count: number }>({ text, values: [this.#tenantId, kind, nowMs] });
    return row?.count ?? 0;
  }

  async head(kind: string, part: number): Promise<RecordHead | undefined> {
    return (await this.#session.read<RecordHead>(this.#headsWhere('kind = $2 AND part = $3', [kind, part])))[0];
  }

  async heads(kind: string): Promise<readonly RecordHead[]> {
    return this.#session.read<RecordHead>(this.#headsWhere('kind = $2 ORDER BY part', [kind]));
  }

  async ids(kind: string): Promise<readonly string[]> {
    const text = `SELECT id FROM ${this.#session.schema}.record WHERE tenant_id = $1 AND kind = $2`;
    return (await this.#session.read<{ id: string }>({ text, values: [this.#tenantId, kind] })).map(({ id }) => id);
  }

  async getAll(kind: string, ids: readonly string[]): Promise<readonly StoredRecord[]> {
    return this.#some('kind = $2 AND id = ANY($3)', [kind, ids]);
  }

  async commit(
    change: RecordChange,
    head: RecordHead,
    headVersion: number,
    beside?: readonly StoredRecord[],
    takes?: CounterChange,
  ): Promise<boolean> {
    const stamp = nextId('w');
    const isMine = this.#stamped('record_head', 'kind = $3 AND part = $4', [head.kind, head.part], stamp);
    return this.#session.certainly(async (inDoubt) => {
      const done = await this.#session.together(
        async (run) =>
          (await this.#count(run, head.kind)) &&
          // its uses change no more about that
          (head.kind !== GRANT_KIND || change.how !== 'insert' || (await this.#endOlderReaders(run))) &&
          (await this.#writeHead(run, head, headVersion, stamp)) &&
          (await this.#change(run, change, stamp)) &&
          this.#insertBeside(run, beside, takes),
      );
      return done || (inDoubt && (await isMine()));
    });
  }

  async discard(kind: string, ids: readonly string[], beside: readonly StoredRecord[] = []): Promise<void> {
    const text = `DELETE FROM ${this.#session.schema}.record WHERE tenant_id = $1 AND kind = $2 AND id = ANY($3)`;
    const values = [this.#tenantId, kind, ids];
    if (beside.length === 0 && kind !== HALT_KIND) await this.#session.read({ text, values });
    else
      await this.#session.certainly(() =>
        this.#session.together(async (run) => {
          await this.#count(run, kind);
          await run(text, values);
          return this.#insertBeside(run, beside);
        }),
      );
  }

  #insertBeside(run: RunSql, beside: readonly StoredRecord[] | undefined, takes?: CounterChange): Promise<true> {
    return insertBeside(run, { schema: this.#session.schema, tenantId: this.#tenantId }, beside, takes);
  }

  /** Locks the part by writing it. A transaction that then finds that the record cannot be changed is undone. */
  async #writeHead(run: RunSql, { kind, part, version, body }: RecordHead, headVersion: number, stamp: string): Promise<boolean> {
    const s = this.#session.schema;
    const { rowCount } = await run(
      headVersion === 0
        ? `INSERT INTO ${s}.record_head (tenant_id, kind, part, version, body, stamp) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`
        : `UPDATE ${s}.record_head SET version = $4, body = $5, stamp = $6 WHERE tenant_id = $1 AND kind = $2 AND part = $3 AND version = $7`,
      [this.#tenantId, kind, part, version, body, stamp, ...(headVersion === 0 ? [] : [headVersion])],
    );
    return rowCount === 1;
  }

  async #change(run: RunSql, change: RecordChange, stamp: string): Promise<boolean> {
    if (change.how === 'delete') {
      const text = `DELETE FROM ${this.#session.schema}.record WHERE tenant_id = $1 AND kind = $2 AND id = ANY($3)`;
      await run(text, [this.#tenantId, change.kind, change.ids]);
      return true;
    }
    const { record } = change;
    const { text, values } =
      change.how === 'insert' ? this.#insert(checkedRecord(record, 1), stamp) : this.#replace(checkedRecord(record, record.version), stamp);
    if ((await run(text, values)).rows.length > 0) return true;
    await run('ROLLBACK');
    return false;
  }

  #insert(record: StoredRecord, stamp: string): Statement {
    return insertRecord({ schema: this.#session.schema, tenantId: this.#tenantId }, record, stamp);
  }

  #replace(record: StoredRecord, stamp: string): Statement {
    const s = this.#session.schema;
    return {
      text: `WITH made AS (UPDATE ${s}.record SET version = $4, index1 = $5, index2 = $6, created_at = $7, delete_after = $8, body = $9, mac = $10, stamp = $11
        WHERE tenant_id = $1 AND kind = $2 AND id = $3 AND version = $4::integer - 1 RETURNING 1) SELECT ${s}.durably(${SCHEMA_VERSION}) FROM made`,
      values: [...recordValues(this.#tenantId, record), stamp],
    };
  }

  async haltChanges(): Promise<number> {
    const text = `SELECT halts FROM ${this.#session.schema}.gate WHERE tenant_id = $1`;
    const [row] = await this.#session.read<{ halts: string }>({ text, values: [this.#tenantId] });
    return Number(row?.halts ?? 0);
  }

  /**
   * Counts, and tells, a change of a halt, before it is made: this waits for the claims that have looked already, and those that have not wait for this. Older
   * code would run what is halted, so it may use the schema no longer.
   */
  async #count(run: RunSql, kind: string): Promise<true> {
    if (kind !== HALT_KIND) return true;
    const s = this.#session.schema;
    await run(`INSERT INTO ${s}.gate (tenant_id, halts) VALUES ($1, 1) ON CONFLICT (tenant_id) DO UPDATE SET halts = gate.halts + 1`, [
      this.#tenantId,
    ]);
    await this.#endOlderReaders(run);
    await run(`SELECT pg_notify($1, $2)`, [s, JSON.stringify(['halt', this.#tenantId, 0, '', null, this.#session.ownerId])]);
    return true;
  }

  /** Lets no code use the schema from now on that is older than halts, grants and limits. */
  async #endOlderReaders(run: RunSql): Promise<true> {
    await run(`UPDATE ${this.#session.schema}.version SET min_reader = $1 WHERE min_reader < $1`, [GOVERNANCE_VERSION]);
    return true;
  }

  /** Whether a statement that writes a record of that kind has done so. */
  async #wrote(kind: string, { text, values }: Statement): Promise<boolean> {
    if (kind !== HALT_KIND) return (await this.#session.once({ text, values })).length > 0;
    return this.#session.together(async (run) => {
      await this.#count(run, kind);
      return (await run(text, values)).rows.length > 0;
    });
  }

  async #write(
    kind: string,
    statement: Statement,
    isMine: () => Promise<boolean>,
    beside: readonly StoredRecord[] = [],
    takes?: CounterChange,
  ): Promise<boolean> {
    const { text, values } = statement;
    return this.#session.certainly(async (inDoubt) => {
      const done =
        beside.length === 0 && takes === undefined
          ? await this.#wrote(kind, statement)
          : await this.#session.together(async (run) => {
              await this.#count(run, kind);
              return (await run(text, values)).rows.length > 0 && this.#insertBeside(run, beside, takes);
            });
      return done || (inDoubt && isMine());
    });
  }

  /** Whether the row has the stamp of a write whose answer was lost. */
  #stamped(table: string, condition: string, key: readonly unknown[], stamp: string): () => Promise<boolean> {
    const text = `SELECT 1 FROM ${this.#session.schema}.${table} WHERE tenant_id = $1 AND stamp = $2 AND ${condition}`;
    return async () => (await this.#session.once({ text, values: [this.#tenantId, stamp, ...key] })).length > 0;
  }

  #headsWhere(condition: string, values: readonly unknown[]): Statement {
    const text = `SELECT kind, part, version, body FROM ${this.#session.schema}.record_head WHERE tenant_id = $1 AND ${condition}`;
    return { text, values: [this.#tenantId, ...values] };
  }

  async #some(condition: string, values: readonly unknown[]): Promise<readonly StoredRecord[]> {
    // PostgreSQL would refuse the statement, or look for another text
    if (values.some((value) => typeof value === 'string' && !isStorable(value))) return [];
    const text = `SELECT ${COLUMNS} FROM ${this.#session.schema}.record WHERE tenant_id = $1 AND ${condition}`;
    const rows = await this.#session.read<StoredRecord>({ text, values: [this.#tenantId, ...values] });
    return rows.map((row) => Object.freeze(withoutAbsent(row)));
  }
}
