import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { nextId } from '../../common/nextId.js';
import { AegisError } from '../../model/AegisError.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { storeLimits } from '../storeLimits.js';
import { CommitGroup } from './CommitGroup.js';
import type { CommitMark } from './file/CommitMark.js';
import { copyDatabase } from './file/copyDatabase.js';
import { OpenedFile } from './file/OpenedFile.js';
import { checkedPath, migrateDatabase, openDatabase, openingError } from './file/openDatabase.js';
import type { Migration } from '../StateStore.js';
import { SCHEMA_VERSION } from './file/schema.js';

/** Who has it open: the whole store, or one half of it. */
export type SqlitePart = 'state' | 'tasks' | 'approvals';
export type SqlValue = SQLInputValue;

/** One connection, shared by tasks and approvals. It prepares each statement once, runs transactions, and turns SQLite's errors into typed ones. */
export class SqliteDatabase {
  readonly #path: string;
  readonly #check: (path: string) => (db: SqliteDatabase) => void;
  readonly #openBy = new Set<SqlitePart>();
  readonly #statements = new Map<string, StatementSync>();
  readonly #closing = new Set<() => void>();
  readonly #group = new CommitGroup((work) => this.write(work));
  #db: DatabaseSync | undefined;
  #file: OpenedFile | undefined;
  #ownerId: string = nextId('store');
  #used = false;
  #mark: CommitMark | undefined;
  #newestChange = 0;

  /**
   * @param check called before the file is opened; what it returns is called before anything else uses the connection. An error of it counts as a
   * failure to open
   */
  constructor(path: string | URL, check: (path: string) => (db: SqliteDatabase) => void) {
    const given = checkedPath(path);
    // other connections are opened later, and the program may have gone to another folder by then; SQLite reads URLs by itself
    this.#path = given.startsWith('file:') ? given : resolve(given);
    this.#check = check;
  }

  /** The file. */
  get path(): string {
    return this.#path;
  }

  /** @throws ShutdownError where it is not open */
  checkOpen(): void {
    this.#opened();
  }

  /** Identifies this handle until it is closed. The next opening has another id, so that it does not own what an earlier one left. */
  get ownerId(): string {
    return this.#ownerId;
  }

  open(part: SqlitePart): void {
    if (this.#db === undefined) {
      if (this.#used) this.#ownerId = nextId('store');
      this.#used = true;
      const checkOpened = this.#check(this.#path);
      this.#db = openDatabase(this.#path);
      try {
        this.#file = new OpenedFile(this.#path);
        this.run('INSERT INTO owner (owner_id, lease_until, host, pid, started_at) VALUES (?, ?, ?, ?, ?)', ...this.#present());
        checkOpened(this);
      } catch (error) {
        this.#shut();
        throw openingError(error instanceof StoreError ? error.cause : error);
      }
    }
    this.#openBy.add(part);
  }

  /** Closing the whole store closes the connection; closing one half closes it if the other half is not open. */
  close(part: SqlitePart): void {
    if (part === 'state') this.#openBy.clear();
    else if (!this.#openBy.delete(part)) return;
    if (this.#openBy.size > 0 || this.#db === undefined) return;
    for (const end of this.#closing) end();
    this.#group.flush();
    try {
      // its tasks have no live owner from now on
      this.run('DELETE FROM owner WHERE owner_id = ?', this.#ownerId);
      // SQLite puts everything into the main file once the last handle has closed
      this.run("DELETE FROM meta WHERE key = 'in_use' AND NOT EXISTS (SELECT 1 FROM owner WHERE lease_until > ?)", this.clock(Date.now()));
    } catch {
      // its lease lapses by itself
    } finally {
      this.#shut();
    }
  }

  /** Copies the open database into a new file. */
  async copyTo(path: string | URL, onProgress?: (copied: number, total: number) => void): Promise<void> {
    this.#opened();
    await copyDatabase(this.#path, path, onProgress);
  }

  /** Brings the file to the current schema without using it. */
  migrate(): Migration {
    return migrateDatabase(this.#path);
  }

  /** @throws StoreError where the path leads to another file by now, or to none: what other processes write is not seen then */
  checkFile(): void {
    this.#opened();
    this.#file?.check();
  }

  /** Calls `end` when the connection closes. */
  whenClosed(end: () => void): void {
    this.#closing.add(end);
  }

  /**
   * Runs one transaction, during which no other process can write. An error undoes it.
   *
   * @throws StoreError where a newer aegislib has migrated the file meanwhile, and this version may no longer write to it
   */
  write<T>(work: () => T): T {
    return this.#safely((db) => {
      this.#newestChange = 0;
      try {
        db.exec('BEGIN IMMEDIATE');
        this.#checkMayWrite();
        const result = work();
        db.exec('COMMIT');
        this.#noteChanges();
        return result;
      } catch (error) {
        undo(db);
        throw error;
      }
    });
  }

  /**
   * As {@link write}, but in a transaction that it may share with others of this turn of the event loop. It is answered once that is committed.
   *
   * @param work may run twice, the first time in a transaction that is undone
   */
  writeTogether<T>(work: () => T): T | Promise<T> {
    return this.#group.run(work);
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

  /** Hands over the mark beside the file, which is closed with the connection. */
  keepMark(mark: CommitMark): void {
    this.#mark = mark;
  }

  /** The transaction that is open makes the change of this number. */
  noteChange(seq: number): void {
    this.#newestChange = Math.max(this.#newestChange, seq);
  }

  /** Notes beside the file that changes up to this number are committed. */
  noteCommitted(seq: number): void {
    this.#mark?.note(seq);
  }

  #noteChanges(): void {
    if (this.#newestChange === 0) return;
    try {
      this.noteCommitted(this.#newestChange);
    } catch (error) {
      // what was committed is committed; the next change notes it too
      publishCallbackError('noting a change beside a SQLite store', error);
    }
  }

  /** The later of the given time and the latest one that any handle of this file ever passed, in epoch milliseconds. */
  clock(nowMs: number): number {
    const latest = this.get<{ value: number }>("SELECT value FROM meta WHERE key = 'high_water_ms'");
    return Math.max(nowMs, latest?.value ?? 0);
  }

  #checkMayWrite(): void {
    const row = this.get<{ value: unknown }>("SELECT value FROM meta WHERE key = 'min_reader'");
    if (typeof row?.value === 'number' && row.value <= SCHEMA_VERSION) return;
    throw new StoreError(
      'A newer aegislib has migrated the file, and this version may no longer write to it; nothing was written. Update aegislib in this process.',
    );
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
      throw new ShutdownError('The store is not open: await the ready() of its module first, and do not use it after close().');
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

  #shut(): void {
    const db = this.#db;
    this.#db = undefined;
    this.#statements.clear();
    this.#mark?.close();
    this.#mark = undefined;
    db?.close();
  }
}

/** A commit that failed may have ended the transaction, or left it open. */
function undo(db: DatabaseSync): void {
  try {
    db.exec('ROLLBACK');
  } catch {
    // the transaction had ended already
  }
}
