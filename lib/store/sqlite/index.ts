import { ConfigError } from '../../model/errors/SetupErrors.js';
import { SqliteApprovalStore } from './SqliteApprovalStore.js';
import { ChangeFeed } from './ChangeFeed.js';
import { SqliteDatabase } from './SqliteDatabase.js';
import { restoreCheck } from './restoreCheck.js';
import { SqliteTaskStore } from './SqliteTaskStore.js';
import type { StateStore } from '../StateStore.js';

export type { StateStore } from '../StateStore.js';

export interface SqliteStoreOptions {
  /** How often changes by other processes are looked for while somebody listens, in milliseconds: 10 to 10,000. Default 100. */
  readonly pollMs?: number | undefined;
}

/**
 * Tasks and approvals in one SQLite file, which several processes of one machine may share: what is answered is on the disk (WAL, synchronous=FULL).
 * Needs `node:sqlite`, that is Node 22.13 or later; better-sqlite3 is not supported. The file must be on a local disk, never on NFS.
 *
 * A file that was copied, or put back from a backup, is noticed when it is opened: what it calls approved or executing becomes `unknown`, and its
 * unused approvals are withdrawn. Contents written over the same file in place cannot be noticed.
 *
 * @param path a file that is there, or will be made, readable for this user alone
 */
export function sqliteStore(path: string | URL, options: SqliteStoreOptions = {}): StateStore {
  const { pollMs = 100 } = options;
  if (!(pollMs >= 10 && pollMs <= 10_000))
    throw new ConfigError([{ where: 'sqliteStore(options).pollMs', message: 'must be a number of milliseconds, 10 to 10,000' }]);
  const db = new SqliteDatabase(path, restoreCheck);
  return {
    tasks: new SqliteTaskStore(db, new ChangeFeed(db, pollMs)),
    approvals: new SqliteApprovalStore(db),
    open: () => db.open('state'),
    close: () => db.close('state'),
  };
}
