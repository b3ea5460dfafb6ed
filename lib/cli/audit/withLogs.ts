import { statSync } from 'node:fs';
import type { AuditSink, AuditSource } from '../../audit/sink/AuditSink.js';
import { jsonlFolder } from '../../audit/sink/jsonl/jsonlFolder.js';
import { CliError } from '../CliIo.js';

/** Logs that were found. */
export interface OpenLogs {
  readonly source: AuditSource;
  /** Their names, at least one. */
  readonly writers: readonly string[];
}

const POSTGRES = /^postgres(?:ql)?:\/\//;

/**
 * Reads the logs that a user names: a folder, a SQLite file, or a postgres:// URL.
 *
 * @throws CliError where there are none
 */
export async function withLogs<T>(place: string, use: (logs: OpenLogs) => Promise<T>): Promise<T> {
  const sink = await sinkAt(place);
  try {
    const writers = await sink.source.writers();
    if (writers.length === 0)
      throw new CliError('there is no audit log there; name the folder in which the folders w0, w1, … of the logs are');
    return await use({ source: sink.source, writers });
  } finally {
    await sink.close();
  }
}

/** A sink that is not opened writes nothing. */
async function sinkAt(place: string): Promise<AuditSink> {
  if (POSTGRES.test(place)) return (await import('../../audit/sink/postgres/postgresSink.js')).postgresSink(place);
  const found = statSync(place, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return jsonlFolder(place);
  if (found?.isFile() === true) return (await import('../../audit/sink/sqlite/sqliteSink.js')).sqliteSink(place);
  throw new CliError('there is no such folder or file; name the folder of the logs, such as .aegis/audit');
}
