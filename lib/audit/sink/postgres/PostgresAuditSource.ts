import { storeErrorOf } from '../../../store/postgres/errors.js';
import type { AuditSource, Opening } from '../AuditSink.js';
import { openingIn } from '../openingText.js';
import type { AuditConnections } from './AuditConnections.js';

/** How many rows are read at once. */
const PAGE = 500;
/** The table is not there yet. */
const NO_TABLE = /^(?:42P01|3F000)$/;

interface PlacedText {
  /** A bigint of PostgreSQL. */
  readonly place: string;
  readonly text: string;
}

/** Reads the logs of a PostgreSQL schema. */
export class PostgresAuditSource implements AuditSource {
  readonly #connections: AuditConnections;

  constructor(connections: AuditConnections) {
    this.#connections = connections;
  }

  async writers(): Promise<readonly string[]> {
    // a step for each writer, not for each record
    const rows = await this.#read<{ readonly writer: string }>(
      `WITH RECURSIVE found AS (
        (SELECT writer FROM $S.audit_record ORDER BY writer LIMIT 1)
        UNION ALL SELECT (SELECT writer FROM $S.audit_record WHERE writer > found.writer ORDER BY writer LIMIT 1) FROM found WHERE found.writer IS NOT NULL)
      SELECT writer FROM found WHERE writer IS NOT NULL`,
      [],
    );
    return rows.map(({ writer }) => writer);
  }

  async *lines(writer: string, from: number = 0): AsyncGenerator<readonly string[]> {
    const sql = `SELECT seq AS place, line AS text FROM $S.audit_record WHERE writer = $1 AND seq >= $2 ORDER BY seq LIMIT ${PAGE}`;
    yield* this.#pages(sql, writer, String(from));
  }

  async *checkpoints(writer: string): AsyncGenerator<string> {
    const sql = `SELECT ord AS place, note AS text FROM $S.audit_checkpoint WHERE writer = $1 AND ord >= $2 ORDER BY ord LIMIT ${PAGE}`;
    for await (const page of this.#pages(sql, writer, '0')) yield* page;
  }

  async lastCheckpoint(writer: string): Promise<string | undefined> {
    const sql = 'SELECT note FROM $S.audit_checkpoint WHERE writer = $1 ORDER BY ord DESC LIMIT 1';
    return (await this.#read<{ readonly note: string }>(sql, [writer]))[0]?.note;
  }

  async *openings(writer: string): AsyncGenerator<Opening> {
    const sql = `SELECT ord AS place, body AS text FROM $S.audit_opening WHERE writer = $1 AND ord >= $2 ORDER BY ord LIMIT ${PAGE}`;
    for await (const page of this.#pages(sql, writer, '0')) {
      for (const text of page) {
        const opening = openingIn(text);
        if (opening !== undefined) yield opening;
      }
    }
  }

  async *#pages(sql: string, writer: string, from: string): AsyncGenerator<readonly string[]> {
    for (let place = from; ;) {
      const rows = await this.#read<PlacedText>(sql, [writer, place]);
      if (rows.length > 0) yield rows.map(({ text }) => text);
      if (rows.length < PAGE) return;
      place = String(BigInt(rows.at(-1)?.place ?? 0) + 1n);
    }
  }

  async #read<Row>(sql: string, values: readonly unknown[]): Promise<readonly Row[]> {
    try {
      return await this.#connections.query<Row>(sql.replaceAll('$S', this.#connections.schema), values);
    } catch (error) {
      if (NO_TABLE.test(String((error as { readonly code?: unknown }).code))) return [];
      throw storeErrorOf(error);
    }
  }
}
