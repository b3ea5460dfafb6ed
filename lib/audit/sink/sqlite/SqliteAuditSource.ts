import { existsSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { AuditSource, Opening } from '../AuditSink.js';
import { openingIn } from '../openingText.js';
import { openAuditSchema } from './auditSchema.js';

/** How many rows are read at once: a statement that stays open would keep the file from being tidied up. */
const PAGE = 500;

/** Reads the logs of a SQLite file, on a connection for each reading. */
export class SqliteAuditSource implements AuditSource {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async writers(): Promise<readonly string[]> {
    return (
      this.#read((db) =>
        db
          .prepare('SELECT writer FROM log ORDER BY writer')
          .all()
          .map(({ writer }) => String(writer)),
      ) ?? []
    );
  }

  async *lines(writer: string, from: number = 0): AsyncGenerator<readonly string[]> {
    const sql = `SELECT seq AS place, line AS text FROM record WHERE writer = ? AND seq >= ? ORDER BY seq LIMIT ${PAGE}`;
    yield* this.#pages(sql, writer, from);
  }

  async *checkpoints(writer: string): AsyncGenerator<string> {
    const sql = `SELECT ord AS place, note AS text FROM checkpoint WHERE writer = ? AND ord >= ? ORDER BY ord LIMIT ${PAGE}`;
    for await (const page of this.#pages(sql, writer, 0)) yield* page;
  }

  async lastCheckpoint(writer: string): Promise<string | undefined> {
    const sql = 'SELECT note FROM checkpoint WHERE writer = ? ORDER BY ord DESC LIMIT 1';
    return this.#read((db) => (db.prepare(sql).get(writer) as { readonly note: string } | undefined)?.note);
  }

  async *openings(writer: string): AsyncGenerator<Opening> {
    const sql = `SELECT ord AS place, body AS text FROM opening WHERE writer = ? AND ord >= ? ORDER BY ord LIMIT ${PAGE}`;
    for await (const page of this.#pages(sql, writer, 0)) {
      for (const text of page) {
        const opening = openingIn(text);
        if (opening !== undefined) yield opening;
      }
    }
  }

  async *#pages(sql: string, writer: string, from: SQLInputValue): AsyncGenerator<readonly string[]> {
    const db = this.#opened();
    try {
      for (let place = from; db !== undefined;) {
        const rows = db.prepare(sql).all(writer, place) as unknown as readonly { readonly place: number; readonly text: string }[];
        if (rows.length > 0) yield rows.map(({ text }) => text);
        if (rows.length < PAGE) return;
        place = Number(rows.at(-1)?.place) + 1;
      }
    } finally {
      db?.close();
    }
  }

  #read<T>(work: (db: DatabaseSync) => T): T | undefined {
    const db = this.#opened();
    try {
      return db && work(db);
    } finally {
      db?.close();
    }
  }

  /** Reading makes no file. */
  #opened(): DatabaseSync | undefined {
    return existsSync(this.#path) ? openAuditSchema(this.#path) : undefined;
  }
}
