import { checkedPath } from '../../../store/sqlite/file/openDatabase.js';
import type { AuditSink } from '../AuditSink.js';
import { WHERE } from './auditSchema.js';
import { SqliteAuditSink } from './SqliteAuditSink.js';

/**
 * Keeps audit logs in a SQLite file, for all processes of one machine. A record that was appended is on the disk (WAL, synchronous=FULL), before the call
 * returns: synchronous guards can wait for it. It needs `node:sqlite`, so Node 22.13 or later. The file must be on a local disk, and be another one than that
 * of a store.
 *
 * @param path a path or a file: URL; made where it is missing, for this user alone
 * @throws ConfigError for a path that cannot be used; opening throws it for a file that cannot be used, and on a Node without `node:sqlite`
 */
export function sqliteSink(path: string | URL): AuditSink {
  return new SqliteAuditSink(checkedPath(path, WHERE));
}
