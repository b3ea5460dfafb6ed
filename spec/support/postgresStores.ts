import { createRequire } from 'node:module';
import type pg from 'pg';
import { postgresStore } from '../../lib/store/postgres/index.js';
import type { PostgresStore, PostgresStoreOptions } from '../../lib/store/postgres/index.js';
import type { PostgresServer } from './postgresServer.js';

let schemas = 0;

/** Stores of one spec file, on schemas that nobody else uses; all that it made is closed and dropped in the end. */
export class PostgresStores {
  readonly server: PostgresServer;
  readonly #open: PostgresStore[] = [];
  readonly #schemas: string[] = [];
  readonly #clients: pg.Client[] = [];
  #cleaner: pg.Client | undefined;

  constructor(server: PostgresServer) {
    this.server = server;
  }

  newSchema(): string {
    schemas += 1;
    const schema = `aegis_${process.pid}_${schemas}`;
    this.#schemas.push(schema);
    return schema;
  }

  /** An open store; by itself on a schema of its own and without a queue, which takes longer to start. */
  async open(more: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> {
    const store = postgresStore({ connectionString: this.server.url(), schema: more.schema ?? this.newSchema(), queue: false, ...more });
    await store.open();
    this.#open.push(store);
    return store;
  }

  /** A connection of the spec's own. */
  async client(url: string = this.server.url()): Promise<pg.Client> {
    const { Client } = createRequire(import.meta.url)('pg') as typeof pg;
    const client = new Client(url);
    client.on('error', () => undefined);
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  async closeAll(): Promise<void> {
    for (const store of this.#open.splice(0)) await store.close();
  }

  async empty(schema: string): Promise<void> {
    this.#cleaner ??= await this.client();
    await this.#cleaner.query(
      `TRUNCATE ${['task', 'task_decision', 'approval', 'record', 'record_head', 'counter', 'counter_token'].map((table) => `${schema}.${table}`).join(', ')}; UPDATE ${schema}.gate SET halts = 0`,
    );
  }

  async end(): Promise<void> {
    await this.closeAll();
    const client = await this.client();
    for (const schema of this.#schemas) {
      await client.query(`SET client_min_messages = error`);
      await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await client.query(`DROP SCHEMA IF EXISTS ${schema}_queue CASCADE`);
    }
    for (const each of this.#clients) await each.end().catch(() => undefined);
  }
}
