import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { hostname } from 'node:os';
import { nextId } from '../../common/nextId.js';
import { AegisError } from '../../model/AegisError.js';
import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { storeLimits } from '../storeLimits.js';
import { checkedPath, openDatabase, openingError } from './driver.js';

/** Who opened it: the whole store, or one half of it. */
export type SqlitePart = 'state' | 'tasks' | 'approvals';
export type SqlValue = SQLInputValue;

/** One connection, shared by tasks and approvals: statements prepared once, transactions, and the errors of both as our own. */
export class SqliteDatabase {
  readonly #path: string;
  readonly #whenOpen: (db: SqliteDatabase, path: string) => void;
  readonly #openBy = new Set<SqlitePart>();
  readonly #statements = new Map<string, StatementSync>();
  readonly #closing = new Set<() => void>();
  #db: DatabaseSync | undefined;
  #ownerId: string = nextId('store');
  #used = false;

  /** @param whenOpen called before anybody else uses it; what it throws is a problem of opening */
  constructor(path: string | URL, whenOpen: (db: SqliteDatabase, path: string) => void) {
    this.#path = checkedPath(path);
    this.#whenOpen = whenOpen;
  }

  /** Names this handle from one opening to the next: what an earlier one left is not seen to by this. */
  get ownerId(): string {
    return this.#ownerId;
  }

  open(part: SqlitePart): void {
    if (this.#db === undefined) {
      if (this.#used) this.#ownerId = nextId('store');
      this.#used = true;
      this.#db = openDatabase(this.#path);
      try {
        this.run('INSERT INTO owner (owner_id, lease_until, host, pid, started_at) VALUES (?, ?, ?, ?, ?)', ...this.#present());
        this.#whenOpen(this, this.#path);
      } catch (error) {
        this.#shut();
        throw openingError(error instanceof StoreError ? error.cause : error);
      }
    }
    this.#openBy.add(part);
  }

  /** Closing the whole closes it; closing a half does when nobody else has it open. */
  close(part: SqlitePart): void {
    if (part === 'state') this.#openBy.clear();
    else if (!this.#openBy.delete(part)) return;
    if (this.#openBy.size > 0 || this.#db === undefined) return;
    for (const end of this.#closing) end();
    try {
      // its tasks are nobody's at once
      this.run('DELETE FROM owner WHERE owner_id = ?', this.#ownerId);
    } catch {
      // its lease lapses by itself
    } finally {
      this.#shut();
    }
  }

  /** Called when it closes. */
  whenClosed(end: () => void): void {
    this.#closing.add(end);
  }

  /** One transaction that no other process writes in. What it throws undoes it. */
  write<T>(work: () => T): T {
    return this.#safely((db) => {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        undo(db);
        throw error;
      }
    });
  }

  run(sql: string, ...values: readonly SqlValue[]): { readonly changes: number; readonly id: number } {
    return this.#safely(() => {
      const { changes, lastInsertRowid } = this.#statement(sql).run(...values);
      return { changes: Number(changes), id: Number(lastInsertRowid) };
    });
  }

  get<R>(sql: string, ...values: readonly SqlValue[]): R | undefined {
    return this.#safely(() => this.#statement(sql).get(...values) as R | undefined);
  }

  all<R>(sql: string, ...values: readonly SqlValue[]): readonly R[] {
    return this.#safely(() => this.#statement(sql).all(...values) as R[]);
  }

  /** Time as this file knows it: what is given, but never behind what any handle ever gave. */
  clock(nowMs: number): number {
    const latest = this.get<{ value: number }>("SELECT value FROM meta WHERE key = 'high_water_ms'");
    return Math.max(nowMs, latest?.value ?? 0);
  }

  /** The owner row of this handle. */
  #present(): readonly [string, number, string, number, number] {
    const nowMs = this.clock(Date.now());
    return [this.#ownerId, nowMs + storeLimits.firstLeaseMs, hostname(), process.pid, nowMs];
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#opened().prepare(sql)));
    return statement;
  }

  #opened(): DatabaseSync {
    if (this.#db === undefined)
      throw new ShutdownError('The store is not open: await ready() of its module first, and ask nothing of it after close().');
    return this.#db;
  }

  #safely<T>(work: (db: DatabaseSync) => T): T {
    const db = this.#opened();
    try {
      return work(db);
    } catch (error) {
      if (AegisError.is(error)) throw error;
      throw new StoreError('The SQLite store failed: see the cause.', { cause: error });
    }
  }

  #shut(): void {
    const db = this.#db;
    this.#db = undefined;
    this.#statements.clear();
    db?.close();
  }
}

/** A commit that failed may have ended the transaction, or left it open. */
function undo(db: DatabaseSync): void {
  try {
    db.exec('ROLLBACK');
  } catch {
    // it was over already
  }
}
