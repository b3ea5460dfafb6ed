// The entry of `aegislib/postgres`: tasks, approvals and records in PostgreSQL, for a fleet of processes.
import { PostgresStateStore } from './record/PostgresStateStore.js';
import { postgresSettings } from './settings.js';
import type { PostgresStoreOptions } from './settings.js';
import type { Migration, ServerStore } from '../StateStore.js';

export type { Migration, ServerStore, StateStore, TenantStore, TenantStoreOptions } from '../StateStore.js';
export type { PostgresStoreOptions } from './settings.js';

/** What {@link postgresStore} gives. */
export interface PostgresStore extends ServerStore {
  /** Creates the tables in the schema, or brings older ones up to date, without opening the store: see {@link StateStore.migrate}. */
  migrate(): Promise<Migration>;
}

/**
 * Keeps tasks, approvals and records in PostgreSQL 13 or newer. It needs the package `pg`; if `pg-boss` is installed too, each approved task is handed to one
 * process. Opening the store connects, and creates or migrates its tables.
 *
 * @param connection a connection string, or options with one
 * @returns a store for the `store` of a module, not open yet
 * @throws ConfigError for options that cannot be used
 */
export function postgresStore(connection: string | PostgresStoreOptions): PostgresStore {
  return new PostgresStateStore(postgresSettings(connection));
}
