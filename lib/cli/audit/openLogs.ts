import { statSync } from 'node:fs';
import type { AuditSource } from '../../audit/sink/AuditSink.js';
import { jsonlFolder } from '../../audit/sink/jsonl/jsonlFolder.js';
import { CliError } from '../CliIo.js';

/** Logs that were found. */
export interface OpenLogs {
  readonly source: AuditSource;
  /** Their names, at least one. */
  readonly writers: readonly string[];
}

/** Opens the logs that a user names, to be read only. @throws CliError where there are none */
export async function openLogs(path: string): Promise<OpenLogs> {
  // jsonlFolder() makes its folder only where it writes
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CliError('there is no such folder; name the folder of the logs, such as .aegis/audit');
  const { source } = jsonlFolder(path);
  const writers = await source.writers();
  if (writers.length === 0)
    throw new CliError('there is no audit log in this folder; name the folder in which the folders w0, w1, … of the logs are');
  return { source, writers };
}
