import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase, Pool, PoolClient, PoolConfig, QueryResult } from 'pg';
import { nextId } from '../../common/nextId.js';
import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { failureOf, isLost, isPassing, openingFailureOf } from './errors.js';
import { ChangeListener } from './ChangeListener.js';
import { PostgresQueue } from './JobQueue.js';
import type { RunSql } from './jobs.js';
import { importPg } from './peers.js';
import { observeEpoch } from './restoreCheck.js';
import { migrate } from './schema.js';
import type { PostgresSettings } from './settings.js';

/** How long to wait before a statement whose connection was lost is tried again: a server that restarts is back within these. */
const AGAIN_MS: readonly number[] = [10, 50, 150, 400, 900, 1_500];
// a statement that hangs for so long is given up: the network may have swallowed it
const STATEMENT_MS = 60_000;
const CONNECT_MS = 10_000;
const FIRST_LEASE_MS = 30_000;

/** A statement, its values, and a name for one that is worth preparing. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
}

/** The connections that tasks and approvals of one store share: a small pool, and one connection that listens. */
export class PostgresSession {
  readonly owner: string = nextId('pg');
  readonly schema: string;
  readonly #settings: PostgresSettings;
  readonly #users = new Set<object>();
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #pool: Pool | undefined;
  #listener: ChangeListener | undefined;
  #queue: PostgresQueue | undefined;

  constructor(settings: PostgresSettings) {
    this.#settings = settings;
    this.schema = settings.schema;
  }

  /** pg-boss, where it is to be had. Known once the session is open. */
  get queue(): PostgresQueue | undefined {
    return this.#queue;
  }

  get listener(): ChangeListener {
    if (this.#listener === undefined) throw this.#closed();
    return this.#listener;
  }

  /** Connects for the first who asks. */
  async open(user: object): Promise<void> {
    if (this.#closing !== undefined) throw this.#closed();
    this.#users.add(user);
    this.#opening ??= this.#open();
    try {
      await this.#opening;
    } catch (error) {
      this.#users.delete(user);
      this.#opening = undefined;
      await this.#end().catch(() => undefined);
      throw openingFailureOf(error);
    }
  }

  /** Ends all connections with the last who had it open. For good. */
  async close(user: object): Promise<void> {
    if (!this.#users.delete(user) || this.#users.size > 0) return this.#closing;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Tried again where the connection is lost. */
  async read<Row>(statement: Statement): Promise<Row[]> {
    return this.certainly(() => this.once<Row>(statement));
  }

  /** One try. Whether it was done is not known where it fails by its connection. */
  async once<Row>(statement: Statement): Promise<Row[]> {
    return (await this.#running.query(statement)).rows as Row[];
  }

  /** Several statements that happen together or not at all. One try. */
  async together<Result>(work: (run: RunSql) => Promise<Result>): Promise<Result> {
    const client = await this.#running.connect();
    let broken: unknown;
    try {
      // a process that stops in mid-transaction keeps no row locked for long
      await client.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = '10s'; SELECT ${this.schema}.durably()`);
      const result = await work((text, values) => client.query(text, values) as Promise<QueryResult>);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      if (isLost(error)) broken = error;
      else await client.query('ROLLBACK').catch((failure: unknown) => (broken = failure));
      throw error;
    } finally {
      client.release(broken !== undefined);
    }
  }

  /**
   * Tries until it is known what happened.
   *
   * @param attempt is told whether an earlier try may have been done although its answer was lost
   * @throws StoreError where that cannot be found out
   */
  async certainly<Result>(attempt: (inDoubt: boolean) => Promise<Result>): Promise<Result> {
    let inDoubt = false;
    for (const waitMs of [...AGAIN_MS, undefined]) {
      try {
        return await attempt(inDoubt);
      } catch (error) {
        if (waitMs === undefined || !isPassing(error)) throw failureOf(error);
        inDoubt ||= isLost(error);
        await sleep(waitMs);
      }
    }
    throw new StoreError('PostgreSQL could not be reached.');
  }

  async #open(): Promise<void> {
    const pg = await importPg();
    const config: PoolConfig = {
      application_name: 'aegislib',
      connectionString: this.#settings.connectionString.reveal(),
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    };
    const first = new pg.Client(config);
    first.on('error', () => undefined);
    await first.connect();
    try {
      await migrate(first, this.schema);
      await this.#register(first);
    } finally {
      await first.end().catch(() => undefined);
    }
    this.#pool = new pg.Pool({
      ...config,
      query_timeout: STATEMENT_MS,
      max: this.#settings.maxConnections - 1,
      // tasks that outlive the process need not keep it alive
      allowExitOnIdle: true,
      // a connection to a server that took over, or was restored, is used only once the tasks know
      verify: (client: ClientBase, done: (error?: unknown) => void) => {
        observeEpoch(client, this.schema, this.owner).then(() => done(), done);
      },
    } as PoolConfig);
    this.#pool.on('error', () => undefined).on('connect', (client: PoolClient) => client.on('error', () => undefined));
    this.#listener = new ChangeListener(() => new pg.Client(config));
    await this.#listener.start();
    this.#queue = await PostgresQueue.start({
      wanted: this.#settings.queue,
      schema: `${this.schema}_queue`,
      run: (text, values) => this.#pool?.query(text, values) ?? Promise.reject(this.#closed()),
      listener: this.#listener,
    });
  }

  async #register(client: ClientBase): Promise<void> {
    await observeEpoch(client, this.schema, this.owner);
    // it lives from the start, or what it records before its first beat would be taken for a dead handle's
    await client.query(
      `INSERT INTO ${this.schema}.owner (owner, opened_at, live_until) SELECT $1, now, now + ${FIRST_LEASE_MS} FROM ${this.schema}.now_ms() AS now`,
      [this.owner],
    );
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await this.#pool?.query(`DELETE FROM ${this.schema}.owner WHERE owner = $1`, [this.owner]).catch(() => undefined);
    // connections do not hold the process: who awaits their end as the last thing would never hear of it
    const hold = setInterval(() => {}, 1_000);
    await this.#end().finally(() => clearInterval(hold));
  }

  async #end(): Promise<void> {
    const [pool, listener] = [this.#pool, this.#listener];
    await this.#queue?.stop();
    [this.#pool, this.#listener, this.#queue] = [undefined, undefined, undefined];
    await listener?.stop();
    await pool?.end();
  }

  get #running(): Pool {
    if (this.#pool === undefined || this.#closing !== undefined) throw this.#closed();
    return this.#pool;
  }

  #closed(): Error {
    if (this.#closing !== undefined) return new ShutdownError('The PostgreSQL store is closed.');
    return new StoreError('The PostgreSQL store is not open: await its open() first.');
  }
}
