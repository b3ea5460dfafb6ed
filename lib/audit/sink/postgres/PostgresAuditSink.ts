import type { Client } from 'pg';
import { AegisError } from '../../../model/AegisError.js';
import { StoreError } from '../../../model/errors/ServiceErrors.js';
import { openingErrorOf, storeErrorOf } from '../../../store/postgres/errors.js';
import { CompactTree } from '../../tree/CompactTree.js';
import type { AuditBatch, AuditSink, OpenLog, Opening, TreeState } from '../AuditSink.js';
import { checkSealed, lastCheckpointIn } from '../checkpointIn.js';
import { logError } from '../logError.js';
import { openingIn, openingText } from '../openingText.js';
import { checkedWriterName } from '../writerName.js';
import type { AuditConnections } from './AuditConnections.js';
import { makeAuditTables } from './auditTables.js';
import { PostgresAuditSource } from './PostgresAuditSource.js';

interface OpenPostgresLog {
  readonly client: Client;
  readonly writer: string;
  /** Of the last batch. */
  tree: TreeState;
}

const ERASED_AT_ONCE = 500;
const NO_TREE: TreeState = { size: 0, nodes: [], lastAt: 0 };

/**
 * The logs of a PostgreSQL schema. The connection that writes a log holds it: PostgreSQL lets it go when that connection ends, and takes nothing from another
 * one. Nothing is updated, so that a role which may only insert and read is enough.
 */
export class PostgresAuditSink implements AuditSink {
  readonly source: PostgresAuditSource;
  readonly #connections: AuditConnections;
  #open: OpenPostgresLog | undefined;
  #failed = false;
  /** One statement at a time: what is sent after one that failed would be done. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(connections: AuditConnections) {
    this.#connections = connections;
    this.source = new PostgresAuditSource(connections);
  }

  async open(writer?: string): Promise<OpenLog> {
    if (this.#open !== undefined) throw logError.alreadyOpen(this.#open.writer);
    const asked = writer === undefined ? undefined : checkedWriterName(writer);
    const { schema } = this.#connections;
    let client: Client | undefined;
    try {
      client = await this.#connections.connect();
      await makeAuditTables(client, schema);
      await client.query(
        `SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)`,
      );
      for (let n = 0; ; n++) {
        const name = asked ?? `w${n}`;
        const locked = await client.query('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held', [
          `aegislib audit ${schema} ${name}`,
        ]);
        const { held } = locked.rows[0] as { readonly held: boolean };
        if (!held && asked !== undefined) throw logError.held(asked);
        if (!held) continue;
        const tree = await this.#treeOf(client, name);
        this.#open = { client, writer: name, tree };
        return { writer: name, tree, tornBytes: 0 };
      }
    } catch (error) {
      await client?.end().catch(() => undefined);
      throw openingErrorOf(error);
    }
  }

  async append({ lines, openings, tree }: AuditBatch): Promise<void> {
    await this.#write(async (open) => {
      const { schema } = this.#connections;
      const first = tree.size - lines.length;
      await open.client.query({
        name: 'aegis_audit_append',
        text: `WITH opened AS (INSERT INTO ${schema}.audit_opening (writer, body) SELECT $1, body FROM unnest($4::text[]) AS body)
          INSERT INTO ${schema}.audit_record (writer, seq, line) SELECT $1, seq, line FROM unnest($2::bigint[], $3::text[]) AS made (seq, line)`,
        values: [open.writer, lines.map((_, i) => first + i), lines, openings.map(openingText)],
      });
      open.tree = tree;
    });
  }

  async checkpoint(note: string): Promise<void> {
    await this.#write(async ({ client, writer, tree }) => {
      await client.query({
        name: 'aegis_audit_checkpoint',
        text: `INSERT INTO ${this.#connections.schema}.audit_checkpoint (writer, note, tree) VALUES ($1, $2, $3)`,
        values: [writer, note, JSON.stringify(tree)],
      });
    });
  }

  async erase(which: (opening: Opening) => boolean): Promise<number> {
    const { schema } = this.#connections;
    let count = 0;
    try {
      for (let place = '0', isMore = true; isMore;) {
        const rows = await this.#connections.query<{ readonly ord: string; readonly body: string }>(
          `SELECT ord, body FROM ${schema}.audit_opening WHERE ord > $1 ORDER BY ord LIMIT ${ERASED_AT_ONCE}`,
          [place],
        );
        const found = rows.filter(({ body }) => {
          const opening = openingIn(body);
          return opening !== undefined && which(opening);
        });
        if (found.length > 0) {
          const gone = await this.#connections.query(`DELETE FROM ${schema}.audit_opening WHERE ord = ANY ($1) RETURNING ord`, [
            found.map(({ ord }) => ord),
          ]);
          count += gone.length;
        }
        place = rows.at(-1)?.ord ?? place;
        isMore = rows.length === ERASED_AT_ONCE;
      }
    } catch (error) {
      throw storeErrorOf(error);
    }
    return count;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#failed = false;
    await this.#last;
    // the log is free once its connection has ended
    await open?.client.end().catch(() => undefined);
    await this.#connections.end();
  }

  another(): PostgresAuditSink {
    return new PostgresAuditSink(this.#connections.another());
  }

  /** The tree of the last checkpoint, and what was written after it. */
  async #treeOf(client: Client, writer: string): Promise<TreeState> {
    const { schema } = this.#connections;
    const kept = await client.query(`SELECT note, tree FROM ${schema}.audit_checkpoint WHERE writer = $1 ORDER BY ord DESC LIMIT 1`, [
      writer,
    ]);
    const row = kept.rows[0] as { readonly note: string; readonly tree: string } | undefined;
    const checkpoint = lastCheckpointIn(row?.note, writer);
    const before = row === undefined ? NO_TREE : (JSON.parse(row.tree) as TreeState);
    checkSealed(writer, before, checkpoint);
    const last = await client.query(`SELECT 1 FROM ${schema}.audit_record WHERE writer = $1 AND seq = $2`, [writer, before.size - 1]);
    if (before.size > 0 && last.rowCount === 0) throw logError.damaged(writer, `record ${before.size - 1} is missing`);
    const tree = CompactTree.from(before);
    let { lastAt } = before;
    for await (const lines of this.source.lines(writer, before.size)) {
      for (const line of lines) {
        const [, seq = '', at = ''] = PLACE.exec(line) ?? [];
        if (seq === '' || Number(seq) !== tree.size) throw logError.damaged(writer, `record ${tree.size} cannot be read`);
        tree.append(line);
        lastAt = Number(at);
      }
    }
    return { ...tree.state(), lastAt };
  }

  async #write(work: (open: OpenPostgresLog) => Promise<void>): Promise<void> {
    const open = this.#open;
    if (open === undefined) throw logError.notOpen();
    const turn = this.#last.then(async () => {
      if (this.#failed) throw logError.failed();
      try {
        await work(open);
      } catch (error) {
        // it may have been done: what is there is read again when the log is opened again
        this.#failed = true;
        await open.client.end().catch(() => undefined);
        throw failure(error);
      }
    });
    this.#last = turn.catch(() => undefined);
    await turn;
  }
}

const PLACE = /^\{"v":\d+,"seq":(\d{1,16}),"at":(\d{1,16}),/;

function failure(error: unknown): AegisError {
  if (AegisError.is(error)) return error;
  const { cause } = storeErrorOf(error);
  return new StoreError(
    'The audit log could not be written: PostgreSQL failed, and it is not known whether it was done. See the cause for its code, and check that the server can be reached and has space.',
    { cause },
  );
}
