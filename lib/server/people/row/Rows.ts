import type { GenericSchema } from 'valibot';
import * as v from 'valibot';
import { parseJsonStrictly } from '../../../common/data/parseJsonStrictly.js';
import type { RecordStore, StoredRecord } from '../../../store/RecordStore.js';

/** A record whose body was read. */
export interface Row<B> {
  readonly id: string;
  readonly version: number;
  readonly createdAtMs: number;
  readonly body: B;
}

/** What is stored beside the body of a new record. */
export interface RowFields extends Pick<StoredRecord, 'index1' | 'index2' | 'deleteAfterMs'> {
  readonly createdAtMs: number;
}

/** Every record of a kind. */
export interface RowList<B> {
  /** Oldest first. */
  readonly rows: readonly Row<B>[];
  /** Whether someone without the state key changed them: what is missing may be what matters. */
  readonly tampered: boolean;
}

/** The records of one kind. One that this version cannot have written is absent. */
export class Rows<B extends object> {
  readonly #records: RecordStore;
  readonly #kind: string;
  readonly #schema: GenericSchema<unknown, B>;

  constructor(records: RecordStore, kind: string, schema: GenericSchema<unknown, B>) {
    this.#records = records;
    this.#kind = kind;
    this.#schema = schema;
  }

  /** Resolves to false where the id was ever taken. */
  async insert(id: string, body: B, fields: RowFields): Promise<boolean> {
    return this.#records.insert({ kind: this.#kind, id, version: 1, ...fields, body: JSON.stringify(body) });
  }

  async get(id: string): Promise<Row<B> | undefined> {
    const record = await this.#records.get(this.#kind, id);
    return record && this.#read(record);
  }

  /**
   * Changes a record. Where another change comes first, the next body is made anew from that one.
   *
   * @param next the new body; `undefined` leaves the record as it is
   * @returns the record as it is now; `undefined` where there is none
   */
  async change(id: string, next: (row: Row<B>) => B | undefined): Promise<Row<B> | undefined> {
    for (;;) {
      const record = await this.#records.get(this.#kind, id);
      const row = record && this.#read(record);
      if (record === undefined || row === undefined) return undefined;
      const body = next(row);
      if (body === undefined) return row;
      const changed = await this.#write(record, row, body);
      if (changed !== undefined) return changed;
    }
  }

  /**
   * Changes a record from exactly the version that was read.
   *
   * @returns the record as it is now; `undefined` where another change came first
   */
  async replace(row: Row<B>, body: B): Promise<Row<B> | undefined> {
    const record = await this.#records.get(this.#kind, row.id);
    return record?.version === row.version ? this.#write(record, row, body) : undefined;
  }

  async list(index1?: string): Promise<RowList<B>> {
    const { records, tampered = false } = await this.#records.list({ kind: this.#kind, index1, limit: Infinity });
    const rows = records.flatMap((record) => this.#read(record) ?? []);
    return { rows, tampered: tampered || rows.length < records.length };
  }

  async #write(record: StoredRecord, row: Row<B>, body: B): Promise<Row<B> | undefined> {
    const { mac: _, ...rest } = record;
    const written = { ...rest, version: row.version + 1, body: JSON.stringify(body) };
    return (await this.#records.replace(written, row.version)) ? { ...row, version: written.version, body } : undefined;
  }

  #read(record: StoredRecord): Row<B> | undefined {
    const { id, version, createdAtMs, body } = record;
    try {
      const { success, output } = v.safeParse(this.#schema, parseJsonStrictly(body));
      return success ? { id, version, createdAtMs, body: output } : undefined;
    } catch {
      return undefined;
    }
  }
}
