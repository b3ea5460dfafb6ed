import type { DatabaseSync } from 'node:sqlite';
import { randomId } from '../../../common/nextId.js';
import { AegisError } from '../../../model/AegisError.js';
import { StoreError } from '../../../model/errors/ServiceErrors.js';
import { openingError } from '../../../store/sqlite/file/openDatabase.js';
import type { AuditBatch, AuditSink, OpenLog, Opening, TreeState } from '../AuditSink.js';
import { openingIn, openingText } from '../openingText.js';
import { checkSealed, lastCheckpointIn } from '../checkpointIn.js';
import { logError } from '../logError.js';
import { isRunning, processMark } from '../processMark.js';
import type { ProcessMark } from '../processMark.js';
import { checkedWriterName } from '../writerName.js';
import { openAuditSchema, WHERE } from './auditSchema.js';
import { SqliteAuditSource } from './SqliteAuditSource.js';

interface LogRow {
  readonly tree: string;
  readonly token: string | null;
  readonly holder: string | null;
  readonly lease_until: number;
}

interface OpenSqliteLog {
  readonly db: DatabaseSync;
  readonly writer: string;
  /** Which opening of the log this is: another one has another token, and then nothing of this one is written. */
  readonly token: string;
  readonly timer: NodeJS.Timeout;
}

/** How long a log is believed to be held by a process that cannot be looked up. */
const LEASE_MS = 30_000;
const RENEW_MS = 5_000;
const ERASED_AT_ONCE = 500;
const NO_TREE: TreeState = { size: 0, nodes: [], lastAt: 0 };

/** The logs of a SQLite file. It answers at once. */
export class SqliteAuditSink implements AuditSink {
  readonly source: SqliteAuditSource;
  readonly #path: string;
  #open: OpenSqliteLog | undefined;
  #failed = false;

  constructor(path: string) {
    this.#path = path;
    this.source = new SqliteAuditSource(path);
  }

  open(writer?: string): OpenLog {
    if (this.#open !== undefined) throw logError.alreadyOpen(this.#open.writer);
    const asked = writer === undefined ? undefined : checkedWriterName(writer);
    const db = openAuditSchema(this.#path);
    try {
      for (let n = 0; ; n++) {
        const name = asked ?? `w${n}`;
        const opened = inTransaction(db, () => take(db, name));
        if (opened === undefined && asked !== undefined) throw logError.held(asked);
        if (opened === undefined) continue;
        const timer = setInterval(() => this.#renew(), RENEW_MS);
        timer.unref();
        this.#open = { db, writer: name, token: opened.token, timer };
        return { writer: name, tree: opened.tree, tornBytes: 0 };
      }
    } catch (error) {
      db.close();
      throw AegisError.is(error) ? error : openingError(error, WHERE);
    }
  }

  append({ lines, openings, tree }: AuditBatch): void {
    this.#write(({ db, writer, token }) => {
      const insert = db.prepare('INSERT INTO record (writer, seq, line) VALUES (?, ?, ?)');
      const first = tree.size - lines.length;
      lines.forEach((line, i) => insert.run(writer, first + i, line));
      const insertOpening = db.prepare('INSERT INTO opening (writer, body) VALUES (?, ?)');
      for (const opening of openings) insertOpening.run(writer, openingText(opening));
      const update = db.prepare('UPDATE log SET tree = ?, lease_until = ? WHERE writer = ? AND token = ?');
      if (update.run(JSON.stringify(tree), Date.now() + LEASE_MS, writer, token).changes === 0) throw logError.takenOver(writer);
    });
  }

  checkpoint(note: string): void {
    this.#write(({ db, writer, token }) => {
      if (db.prepare('SELECT 1 FROM log WHERE writer = ? AND token = ?').get(writer, token) === undefined) throw logError.takenOver(writer);
      db.prepare('INSERT INTO checkpoint (writer, note) VALUES (?, ?)').run(writer, note);
    });
  }

  erase(which: (opening: Opening) => boolean): number {
    const db = openAuditSchema(this.#path);
    try {
      // better nothing is erased than something that is still there
      writeBack(db);
      let count = 0;
      const read = db.prepare(`SELECT ord, body FROM opening WHERE ord > ? ORDER BY ord LIMIT ${ERASED_AT_ONCE}`);
      for (let place = 0, isMore = true; isMore;) {
        const rows = read.all(place) as unknown as readonly { readonly ord: number; readonly body: string }[];
        const found = rows.filter(({ body }) => {
          const opening = openingIn(body);
          return opening !== undefined && which(opening);
        });
        const remove = db.prepare('DELETE FROM opening WHERE ord = ?');
        if (found.length > 0) inTransaction(db, () => found.forEach(({ ord }) => (count += Number(remove.run(ord).changes))));
        place = rows.at(-1)?.ord ?? place;
        isMore = rows.length === ERASED_AT_ONCE;
      }
      if (count > 0) writeBack(db);
      return count;
    } catch (error) {
      throw failure('erased', error);
    } finally {
      db.close();
    }
  }

  close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    clearInterval(open.timer);
    const failed = this.#failed;
    this.#failed = false;
    if (failed) return this.#release(open);
    try {
      inTransaction(open.db, () => letGo(open.db, open));
    } finally {
      open.db.close();
    }
  }

  another(): SqliteAuditSink {
    return new SqliteAuditSink(this.#path);
  }

  /** The connection was closed after a failure: another one says that the log is free. */
  #release(open: OpenSqliteLog): void {
    try {
      const db = openAuditSchema(this.#path);
      try {
        inTransaction(db, () => letGo(db, open));
      } finally {
        db.close();
      }
    } catch {
      // it is free when this process ends
    }
  }

  #renew(): void {
    const open = this.#open;
    if (open === undefined || this.#failed) return;
    try {
      open.db.prepare('UPDATE log SET lease_until = ? WHERE writer = ? AND token = ?').run(Date.now() + LEASE_MS, open.writer, open.token);
    } catch {
      // the next batch, or the next turn, renews it
    }
  }

  #write(work: (open: OpenSqliteLog) => void): void {
    const open = this.#open;
    if (open === undefined) throw logError.notOpen();
    if (this.#failed) throw logError.failed();
    try {
      inTransaction(open.db, () => work(open));
    } catch (error) {
      // what this connection then says cannot be believed
      this.#failed = true;
      open.db.close();
      throw failure('written', error);
    }
  }
}

/** Takes a log for this process; `undefined` where another one holds it. */
function take(db: DatabaseSync, writer: string): { readonly token: string; readonly tree: TreeState } | undefined {
  const row = db.prepare('SELECT tree, token, holder, lease_until FROM log WHERE writer = ?').get(writer) as LogRow | undefined;
  if (row !== undefined && isHeld(row)) return undefined;
  const tree = row === undefined ? NO_TREE : checkedTree(db, writer, row.tree);
  const token = randomId('log');
  db.prepare(
    `INSERT INTO log (writer, tree, token, holder, lease_until) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (writer) DO UPDATE SET token = excluded.token, holder = excluded.holder, lease_until = excluded.lease_until`,
  ).run(writer, JSON.stringify(tree), token, JSON.stringify(processMark()), Date.now() + LEASE_MS);
  return { token, tree };
}

function isHeld({ token, holder, lease_until }: LogRow): boolean {
  if (token === null || holder === null) return false;
  return isRunning(JSON.parse(holder) as ProcessMark, processMark()) ?? lease_until > Date.now();
}

/** The tree that was written with the last batch, where that batch is there, and the last checkpoint agrees. */
function checkedTree(db: DatabaseSync, writer: string, text: string): TreeState {
  const tree = JSON.parse(text) as TreeState;
  const { last } = db.prepare('SELECT max(seq) AS last FROM record WHERE writer = ?').get(writer) as { readonly last: number | null };
  const size = (last ?? -1) + 1;
  if (size !== tree.size) throw logError.damaged(writer, `it has ${size} records, and its writer wrote ${tree.size}`);
  const row = db.prepare('SELECT note FROM checkpoint WHERE writer = ? ORDER BY ord DESC LIMIT 1').get(writer) as
    { note: string } | undefined;
  checkSealed(writer, tree, lastCheckpointIn(row?.note, writer));
  return tree;
}

/** What was deleted is in the file's journal until that is emptied, for which no one may be reading from it. @throws StoreError where someone is */
function writeBack(db: DatabaseSync): void {
  const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { readonly busy: number };
  if (busy !== 0)
    throw new StoreError(
      'Another connection reads the file of the audit logs, such as a backup or a shell, and keeps in its journal what is deleted. End that one, and erase again.',
    );
}

function letGo(db: DatabaseSync, { writer, token }: OpenSqliteLog): void {
  db.prepare('UPDATE log SET token = NULL, holder = NULL, lease_until = 0 WHERE writer = ? AND token = ?').run(writer, token);
}

function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    try {
      db.exec('ROLLBACK');
    } catch {
      // a commit that failed has ended it
    }
    throw error;
  }
}

function failure(what: 'written' | 'erased', error: unknown): AegisError {
  if (AegisError.is(error)) return error;
  return new StoreError(`The audit log could not be ${what}: SQLite failed. See the cause for its code, and check the disk of its file.`, {
    cause: error,
  });
}
