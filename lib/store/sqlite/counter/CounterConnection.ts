import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { AegisError } from '../../../model/AegisError.js';
import { StoreError } from '../../../model/errors/ServiceErrors.js';
import { openDatabase } from '../file/openDatabase.js';
import { SCHEMA_VERSION } from '../file/schema.js';
import type { CounterSql } from './CounterSql.js';

/** The store that counters belong to. */
export interface CounterFile {
  readonly path: string;
  /** Calls it when the store closes. */
  whenClosed(end: () => void): void;
  /** @throws ShutdownError where the store is not open */
  checkOpen(): void;
}

/**
 * A connection of its own, for counting alone: its commits do not wait for the disk. SQLite writes them in their order, so that a power cut forgets at most
 * the last moments, and a process that dies forgets nothing.
 */
export class CounterConnection implements CounterSql {
  readonly #file: CounterFile;
  readonly #statements = new Map<string, StatementSync>();
  #db: DatabaseSync | undefined;
  #highWaterMs = 0;

  constructor(file: CounterFile) {
    this.#file = file;
    file.whenClosed(() => {
      this.#statements.clear();
      this.#db?.close();
      this.#db = undefined;
    });
  }

  /** Runs one transaction, during which no other process can write. An error undoes it. */
  write<T>(work: () => T): T {
    return this.#safely((db) => {
      try {
        db.exec('BEGIN IMMEDIATE');
        this.#readMeta();
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Reads. */
  read<T>(work: () => T): T {
    return this.#safely(() => {
      this.#readMeta();
      return work();
    });
  }

  run(sql: string, ...values: readonly SQLInputValue[]): unknown {
    return this.#statement(sql).run(...values);
  }

  get<R>(sql: string, ...values: readonly SQLInputValue[]): R | undefined {
    return this.#statement(sql).get(...values) as R | undefined;
  }

  all<R>(sql: string, ...values: readonly SQLInputValue[]): readonly R[] {
    return this.#statement(sql).all(...values) as R[];
  }

  clock(nowMs: number): number {
    return Math.max(nowMs, this.#highWaterMs);
  }

  /** The latest time that the store has passed, and whether this code may still write. */
  #readMeta(): void {
    const rows = this.all<{ key: string; value: unknown }>("SELECT key, value FROM meta WHERE key IN ('min_reader', 'high_water_ms')");
    const meta = new Map(rows.map(({ key, value }) => [key, value]));
    const reader = meta.get('min_reader');
    if (typeof reader !== 'number' || reader > SCHEMA_VERSION)
      throw new StoreError(
        'A newer aegislib has migrated the file, and this version may no longer write to it; nothing was written. Update aegislib in this process.',
      );
    this.#highWaterMs = Number(meta.get('high_water_ms') ?? 0);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#opened().prepare(sql)));
    return statement;
  }

  #opened(): DatabaseSync {
    this.#file.checkOpen();
    if (this.#db === undefined) {
      this.#db = openDatabase(this.#file.path);
      this.#db.exec('PRAGMA synchronous = NORMAL');
    }
    return this.#db;
  }

  #safely<T>(work: (db: DatabaseSync) => T): T {
    const db = this.#opened();
    try {
      return work(db);
    } catch (error) {
      if (AegisError.is(error)) throw error;
      throw new StoreError('A statement of the SQLite store failed. See the cause for the code of SQLite.', { cause: error });
    }
  }
}
