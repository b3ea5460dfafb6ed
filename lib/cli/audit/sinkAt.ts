import { statSync } from 'node:fs';
import { jsonlFolder } from '../../audit/sink/jsonl/jsonlFolder.js';
import { postgresSink } from '../../audit/sink/postgres/postgresSink.js';
import { sqliteSink } from '../../audit/sink/sqlite/sqliteSink.js';
import type { AuditSink } from '../../audit/sink/AuditSink.js';
import { CliError } from '../CliIo.js';

/** The sink of the logs in a folder, a SQLite file or a PostgreSQL database. @throws CliError where there is none */
export function sinkAt(where: string): AuditSink {
  if (/^postgres(?:ql)?:/.test(where)) return postgresSink(where);
  const found = statSync(where, { throwIfNoEntry: false });
  if (found === undefined) throw new CliError(`${where}: there is no audit log; name its folder, its SQLite file or its postgres:// URL`);
  return found.isDirectory() ? jsonlFolder(where) : sqliteSink(where);
}
