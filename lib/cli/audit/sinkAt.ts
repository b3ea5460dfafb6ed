import { statSync } from 'node:fs';
import type { AuditSink } from '../../audit/sink/AuditSink.js';
import { CliError } from '../CliIo.js';

/** Where `aegis serve` and the samples keep their logs. */
export const DEFAULT_LOG = '.aegis/audit';

/** Whether the logs are in a database. */
export function isPostgres(place: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(place);
}

/**
 * The sink of the logs that a user names: a folder, a SQLite file or a postgres:// URL. One that is not opened writes nothing.
 *
 * @throws CliError where there is none
 */
export async function sinkAt(place: string): Promise<AuditSink> {
  if (isPostgres(place)) return (await import('../../audit/sink/postgres/postgresSink.js')).postgresSink(place);
  const found = statSync(place, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return (await import('../../audit/sink/jsonl/jsonlFolder.js')).jsonlFolder(place);
  if (found?.isFile() === true) return (await import('../../audit/sink/sqlite/sqliteSink.js')).sqliteSink(place);
  throw new CliError('there is no such folder or file; name the folder of the logs, such as .aegis/audit');
}
