import { existsSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { AuditSource, Opening } from '../AuditSink.js';
import { openingIn } from '../openingText.js';
import { storedText } from '../storedText.js';
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
    const sql = `SELECT seq AS place, CAST(line AS BLOB) AS bytes FROM record WHERE writer = ? AND seq >= ? ORDER BY seq LIMIT ${PAGE}`;
    yield* this.#pages(sql, writer, from);
  }

  async *checkpoints(writer: string): AsyncGenerator<string> {
    const sql = `SELECT ord AS place, CAST(note AS BLOB) AS bytes FROM checkpoint WHERE writer = ? AND ord >= ? ORDER BY ord LIMIT ${PAGE}`;
    for await (const page of this.#pages(sql, writer, 0)) yield* page;
  }

  async lastCheckpoint(writer: string): Promise<string | undefined> {
    const sql = 'SELECT CAST(note AS BLOB) AS bytes FROM checkpoint WHERE writer = ? ORDER BY ord DESC LIMIT 1';
    const row = this.#read((db) => db.prepare(sql).get(writer) as { readonly bytes: Uint8Array } | undefined);
    return row && textOf(row.bytes);
  }

  async *openings(writer: string): AsyncGenerator<Opening> {
    const sql = `SELECT ord AS place, CAST(body AS BLOB) AS bytes FROM opening WHERE writer = ? AND ord >= ? ORDER BY ord LIMIT ${PAGE}`;
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
        const rows = db.prepare(sql).all(writer, place) as unknown as readonly { readonly place: number; readonly bytes: Uint8Array }[];
        if (rows.length > 0) yield rows.map(({ bytes }) => textOf(bytes));
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

/** As a text, it would end at a zero byte, and have U+FFFD for bytes that are not UTF-8. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return storedText(Buffer.from(buffer, byteOffset, byteLength));
}
