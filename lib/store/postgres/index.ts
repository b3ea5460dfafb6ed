// The entry of `aegislib/postgres`: tasks and approvals in PostgreSQL, for a fleet of processes.
import { PostgresApprovalStore } from './PostgresApprovalStore.js';
import { PostgresSession } from './PostgresSession.js';
import { postgresSettings } from './settings.js';
import type { PostgresStoreOptions } from './settings.js';
import { PostgresTaskStore } from './PostgresTaskStore.js';
import type { StateStore } from '../StateStore.js';

export type { PostgresStoreOptions } from './settings.js';

/**
 * Keeps tasks and approvals in PostgreSQL 13 or newer. It needs the package `pg`; if `pg-boss` is installed too, each approved task is handed to one
 * process. Opening the store connects, and creates or migrates its tables.
 *
 * @param connection a connection string, or options with one
 * @returns a store for the `store` of a module, not open yet
 * @throws ConfigError for options that cannot be used
 */
export function postgresStore(connection: string | PostgresStoreOptions): StateStore {
  const session = new PostgresSession(postgresSettings(connection));
  const tasks = new PostgresTaskStore(session);
  const approvals = new PostgresApprovalStore(session);
  return {
    tasks,
    approvals,
    async open() {
      await tasks.open();
      await approvals.open();
    },
    async close() {
      await approvals.close();
      await tasks.close();
    },
  };
}
