import { storeErrorOf } from '../../../store/postgres/errors.js';
import type { AuditSource, Opening } from '../AuditSink.js';
import { openingIn } from '../openingText.js';
import { isDoubtful, storedText } from '../storedText.js';
import type { AuditConnections } from './AuditConnections.js';

/** How many rows are read at once. */
const PAGE = 500;
/** The table is not there yet. */
const NO_TABLE = /^(?:42P01|3F000)$/;
/** Bytes that are not text in the encoding of this client. */
const NOT_TEXT = '22021';

interface PlacedText {
  /** A bigint of PostgreSQL. */
  readonly place: string;
  readonly text: string;
}

interface PlacedBytes {
  readonly place: string;
  readonly bytes: Buffer;
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
    yield* this.#pages('line', `seq AS place FROM $S.audit_record WHERE writer = $1 AND seq >= $2 ORDER BY seq`, writer, String(from));
  }

  async *checkpoints(writer: string): AsyncGenerator<string> {
    const rest = 'ord AS place FROM $S.audit_checkpoint WHERE writer = $1 AND ord >= $2 ORDER BY ord';
    for await (const page of this.#pages('note', rest, writer, '0')) yield* page;
  }

  async lastCheckpoint(writer: string): Promise<string | undefined> {
    const rest = 'ord AS place FROM $S.audit_checkpoint WHERE writer = $1 ORDER BY ord DESC LIMIT 1';
    return (await this.#texts('note', rest, [writer]))[0]?.text;
  }

  async *openings(writer: string): AsyncGenerator<Opening> {
    const rest = 'ord AS place FROM $S.audit_opening WHERE writer = $1 AND ord >= $2 ORDER BY ord';
    for await (const page of this.#pages('body', rest, writer, '0')) {
      for (const text of page) {
        const opening = openingIn(text);
        if (opening !== undefined) yield opening;
      }
    }
  }

  async *#pages(column: string, rest: string, writer: string, from: string): AsyncGenerator<readonly string[]> {
    for (let place = from; ;) {
      const rows = await this.#texts(column, `${rest} LIMIT ${PAGE}`, [writer, place]);
      if (rows.length > 0) yield rows.map(({ text }) => text);
      if (rows.length < PAGE) return;
      place = String(BigInt(rows.at(-1)?.place ?? 0) + 1n);
    }
  }

  /**
   * The driver has U+FFFD for bytes that are not UTF-8: where there is one, the bytes themselves are read; and so they are where PostgreSQL, in a database of another
   * encoding, does not give them as text.
   */
  async #texts(column: string, rest: string, values: readonly unknown[]): Promise<readonly PlacedText[]> {
    let isExact = false;
    const bytesBy = async (bytes: string): Promise<readonly PlacedText[]> => {
      isExact = true;
      const found = await this.#read<PlacedBytes>(`SELECT ${bytes} AS bytes, ${rest}`, values);
      return found.map(({ place, bytes: text }) => ({ place, text: storedText(text) }));
    };
    const unreadable = (): Promise<readonly PlacedText[]> => bytesBy(`convert_to(${column}, 'SQL_ASCII')`);
    const rows = await this.#read<PlacedText>(`SELECT ${column} AS text, ${rest}`, values, unreadable);
    return !isExact && rows.some(({ text }) => isDoubtful(text)) ? bytesBy(`textsend(${column})`) : rows;
  }

  async #read<Row>(sql: string, values: readonly unknown[], unreadable?: () => Promise<readonly Row[]>): Promise<readonly Row[]> {
    try {
      return await this.#connections.query<Row>(sql.replaceAll('$S', this.#connections.schema), values);
    } catch (error) {
      const code = String((error as { readonly code?: unknown }).code);
      if (NO_TABLE.test(code)) return [];
      if (code === NOT_TEXT && unreadable !== undefined) return unreadable();
      throw storeErrorOf(error);
    }
  }
}
