import { ConfigError } from '../../model/errors/SetupErrors.js';
import { SqliteStateStore } from './SqliteStateStore.js';
import type { Migration, ServerStore } from '../StateStore.js';
import { checkedOptions } from '../../model/checkedOptions.js';

export type { Migration, ServerStore, StateStore, TenantStore, TenantStoreOptions } from '../StateStore.js';

/** What {@link sqliteStore} gives. */
export interface SqliteStore extends ServerStore {
  /** Creates the tables in the file, or brings older ones up to date, and leaves it closed: see {@link StateStore.migrate}. */
  migrate(): Migration;
  /** Copies the open file while it is in use: see {@link StateStore.backup}. */
  backup(path: string | URL, onProgress?: (copied: number, total: number) => void): Promise<void>;
}

/** Options of {@link sqliteStore}. */
export interface SqliteStoreOptions {
  /**
   * How often changes by other processes are polled while there is a listener, in milliseconds: 10 to 10,000.
   *
   * @defaultValue 100
   */
  readonly pollMs?: number | undefined;
}

/**
 * Keeps tasks, approvals and records in one SQLite file, which several processes of one machine may share. A write that has resolved is on the disk (WAL,
 * synchronous=FULL). It needs `node:sqlite`, so Node 22.13 or later; better-sqlite3 is not supported. The file must be on a local disk, never on NFS.
 *
 * Opening a file that was copied, put back from a backup, or has lost its `-wal` turns what it calls approved or executing into `unknown`, and withdraws
 * its unused approvals. A small file beside it, with `-commits` after its name, tells what was committed.
 *
 * @param path the file. If it does not exist, it is created, readable for this user alone
 * @returns a store for the `store` of a module, not open yet
 * @throws ConfigError for a path or an option that cannot be used; opening throws it for a file that cannot be used
 */
export function sqliteStore(path: string | URL, options: SqliteStoreOptions = {}): SqliteStore {
  const { pollMs = 100 } = checkedOptions('sqliteStore()', options, { pollMs: 'any' });
  if (!(pollMs >= 10 && pollMs <= 10_000))
    throw new ConfigError([{ where: 'sqliteStore(options).pollMs', message: 'must be a number of milliseconds from 10 to 10,000.' }]);
  return new SqliteStateStore(path, pollMs);
}
