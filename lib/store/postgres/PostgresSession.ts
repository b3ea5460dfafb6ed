import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Client, ClientBase, Pool, PoolClient, PoolConfig, QueryResult } from 'pg';
import { nextId } from '../../common/nextId.js';
import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import type { Migration } from '../StateStore.js';
import { storeLimits } from '../storeLimits.js';
import { ChangeListener } from './ChangeListener.js';
import { storeErrorOf, isLost, isNotInstalled, isPassing, missingPeer, openingErrorOf } from './errors.js';
import { JobQueue } from './JobQueue.js';
import { restoreCheck } from './restoreCheck.js';
import { migrate, SCHEMA_VERSION } from './schema.js';
import type { PostgresSettings } from './settings.js';
import type { RunSql, Statement } from './statements.js';

/** How long to wait before each new try of a statement whose connection was lost: a server that restarts is back within these. */
const RETRY_MS: readonly number[] = [10, 50, 150, 400, 900, 1_500];
/** How long a process that stops in the middle of a claim may keep a halt from being ordered. */
const GATE_IDLE_MS = 2_000;
/** When a statement that hangs is given up: the network may have swallowed it. */
const STATEMENT_MS = 60_000;
const CONNECT_MS = 10_000;

/** The connections that tasks and approvals of one store share: a small pool, and one connection that listens. */
export class PostgresSession {
  readonly ownerId: string = nextId('pg');
  readonly schema: string;
  readonly #settings: PostgresSettings;
  readonly #users = new Set<object>();
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #pool: Pool | undefined;
  #listener: ChangeListener | undefined;
  #queue: JobQueue | undefined;

  constructor(settings: PostgresSettings) {
    this.#settings = settings;
    this.schema = settings.schema;
  }

  /** The queue of pg-boss, where that is installed. Set once the session is open. */
  get queue(): JobQueue | undefined {
    return this.#queue;
  }

  get listener(): ChangeListener {
    if (this.#listener === undefined) throw this.#closed();
    return this.#listener;
  }

  /** Connects for the first user. */
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
      throw openingErrorOf(error);
    }
  }

  /** Ends all connections once its last user has closed it. It cannot be opened again. */
  async close(user: object): Promise<void> {
    if (!this.#users.delete(user) || this.#users.size > 0) return this.#closing;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Creates the tables, or brings them up to date, without opening the session. */
  async migrate(): Promise<Migration> {
    try {
      return await this.#once(await importPg(), (client) => migrate(client, this.schema));
    } catch (error) {
      throw openingErrorOf(error);
    }
  }

  /** Runs a statement, and tries it again where the connection is lost. */
  async read<Row>(statement: Statement): Promise<Row[]> {
    return this.certainly(() => this.once<Row>(statement));
  }

  /** Runs a statement once. If its connection fails, it is not known whether the statement was done. */
  async once<Row>(statement: Statement): Promise<Row[]> {
    return (await this.#running.query(statement)).rows as Row[];
  }

  /** Runs several statements that happen together or not at all, once. */
  async together<Result>(work: (run: RunSql) => Promise<Result>, begin: string = 'BEGIN', idleMs: number = 10_000): Promise<Result> {
    const client = await this.#running.connect();
    let broken: unknown;
    try {
      // a process that stops in the middle of a transaction must not keep rows locked for long
      await client.query(
        `${begin}; SET LOCAL idle_in_transaction_session_timeout = ${idleMs}; SELECT ${this.schema}.durably(${SCHEMA_VERSION})`,
      );
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

  /** As {@link together}, for what locks the gate of a tenant: no halt is ordered until it has ended. */
  gated<Result>(work: (run: RunSql) => Promise<Result>): Promise<Result> {
    return this.together(work, 'BEGIN ISOLATION LEVEL READ COMMITTED', GATE_IDLE_MS);
  }

  /**
   * Tries until the result is known.
   *
   * @param attempt is told whether an earlier try may have been done although its answer was lost
   * @throws StoreError where the result cannot be found out
   */
  async certainly<Result>(attempt: (inDoubt: boolean) => Promise<Result>): Promise<Result> {
    let inDoubt = false;
    for (const waitMs of [...RETRY_MS, undefined]) {
      try {
        return await attempt(inDoubt);
      } catch (error) {
        if (waitMs === undefined || !isPassing(error)) throw storeErrorOf(error);
        inDoubt ||= isLost(error);
        await sleep(waitMs);
      }
    }
    throw new StoreError('PostgreSQL could not be reached: check that it runs.');
  }

  async #open(): Promise<void> {
    const pg = await importPg();
    const config = this.#config;
    await this.#once(pg, async (first) => {
      await migrate(first, this.schema);
      await this.#register(first);
    });
    this.#pool = new pg.Pool({
      ...config,
      query_timeout: STATEMENT_MS,
      max: this.#settings.maxConnections - 1,
      // tasks that outlive the process do not keep it alive
      allowExitOnIdle: true,
      // a connection to a server that took over or was restored is used only once the tasks were checked
      verify: (client: ClientBase, done: (error?: unknown) => void) => {
        restoreCheck(client, this.schema, this.ownerId).then(() => done(), done);
      },
    } as PoolConfig);
    this.#pool.on('error', () => undefined).on('connect', (client: PoolClient) => client.on('error', () => undefined));
    this.#listener = new ChangeListener(() => new pg.Client(config));
    await this.#listener.start();
    this.#queue = await JobQueue.start({
      wanted: this.#settings.queue,
      schema: `${this.schema}_queue`,
      run: (text, values) => this.#pool?.query(text, values) ?? Promise.reject(this.#closed()),
      listener: this.#listener,
    });
  }

  /** Does it on a connection of its own. */
  async #once<Result>({ Client }: typeof pg, work: (client: Client) => Promise<Result>): Promise<Result> {
    const client = new Client(this.#config);
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  get #config(): PoolConfig {
    return {
      application_name: 'aegislib',
      connectionString: this.#settings.connectionString.reveal(),
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    };
  }

  async #register(client: ClientBase): Promise<void> {
    await restoreCheck(client, this.schema, this.ownerId);
    // it is alive from the start: else what it records before its first heartbeat would count as a dead handle's
    await client.query(
      `INSERT INTO ${this.schema}.owner (owner_id, opened_at, live_until)
      SELECT $1, now, now + ${storeLimits.firstLeaseMs} FROM ${this.schema}.now_ms() AS now`,
      [this.ownerId],
    );
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await this.#pool?.query(`DELETE FROM ${this.schema}.owner WHERE owner_id = $1`, [this.ownerId]).catch(() => undefined);
    // connections do not keep the process alive: without this, a program whose last act is to await this close would end before it
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
    if (this.#closing !== undefined) return new ShutdownError('The PostgreSQL store is closed: do not use it after close().');
    return new StoreError('The PostgreSQL store is not open: await its open() first.');
  }
}

/** @throws ConfigError where it is not installed */
async function importPg(): Promise<typeof pg> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    throw isNotInstalled(error) ? missingPeer('pg') : error;
  }
}
