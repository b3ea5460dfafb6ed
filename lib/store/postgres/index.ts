// The entry of `aegislib/postgres`: tasks and approvals in PostgreSQL, for a fleet of processes.
import { PostgresApprovalStore } from './PostgresApprovalStore.js';
import { PostgresSession } from './PostgresSession.js';
import { postgresSettings } from './settings.js';
import type { PostgresStoreOptions } from './settings.js';
import { PostgresTaskStore } from './PostgresTaskStore.js';
import type { StateStore } from '../StateStore.js';

export type { PostgresStoreOptions } from './settings.js';

/**
 * Keeps tasks and approvals in PostgreSQL 13 or newer. Needs the package `pg`; with `pg-boss` beside it, approved tasks are handed to one process
 * each. Connects when it is opened, and creates its tables then.
 *
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
