import type pg from 'pg';
import type { Client, Pool, PoolConfig } from 'pg';
import { ConfigError } from '../../../model/errors/SetupErrors.js';
import { isNotInstalled } from '../../../store/postgres/errors.js';
import type { PostgresSettings } from '../../../store/postgres/settings.js';

/** When a statement that hangs is given up: the network may have swallowed it. */
const STATEMENT_MS = 60_000;
const CONNECT_MS = 10_000;
const IDLE_MS = 10_000;

/** The connections of one sink: one that writes and holds the log, and a few that read and erase. */
export class AuditConnections {
  readonly schema: string;
  readonly #settings: PostgresSettings;
  #pool: Pool | undefined;

  constructor(settings: PostgresSettings) {
    this.#settings = settings;
    this.schema = settings.schema;
  }

  /** Others to the same schema. */
  another(): AuditConnections {
    return new AuditConnections(this.#settings);
  }

  /** A connection of its own, which the caller ends. */
  async connect(): Promise<Client> {
    const { Client } = await importPg();
    const client = new Client({ ...this.#config, query_timeout: STATEMENT_MS });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Runs a statement that reads, or erases. */
  async query<Row>(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    if (this.#pool === undefined) {
      const { Pool } = await importPg();
      this.#pool ??= new Pool({ ...this.#config, query_timeout: STATEMENT_MS, max: 2, idleTimeoutMillis: IDLE_MS, allowExitOnIdle: true });
      this.#pool.on('error', () => undefined);
    }
    return (await this.#pool.query(text, [...values])).rows as Row[];
  }

  /** Ends those that read. The next reading makes new ones. */
  async end(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  get #config(): PoolConfig {
    return {
      application_name: 'aegislib audit',
      connectionString: this.#settings.connectionString.reveal(),
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    };
  }
}

async function importPg(): Promise<typeof pg> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    throw new ConfigError([{ where: 'postgresSink()', message: 'the package `pg` is not installed: run `npm install pg`' }]);
  }
}
