import type { AuditSource } from '../../audit/sink/AuditSink.js';
import { CliError } from '../CliIo.js';
import { sinkAt } from './sinkAt.js';

/** Logs that were found. */
export interface OpenLogs {
  readonly source: AuditSource;
  /** Their names, at least one. */
  readonly writers: readonly string[];
}

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
