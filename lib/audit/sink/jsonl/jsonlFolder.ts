import { resolve } from 'node:path';
import { pathOfUrl } from '../../../common/pathOfUrl.js';
import { got } from '../../../common/readOptions.js';
import { checkedOptions } from '../../../model/checkedOptions.js';
import { ConfigError } from '../../../model/errors/SetupErrors.js';
import type { AuditSink } from '../AuditSink.js';
import { diskFiles } from './AuditFiles.js';
import { JsonlSink } from './JsonlSink.js';

/** Options of {@link jsonlFolder}. */
export interface JsonlFolderOptions {
  /**
   * A file with more bytes than this is not appended to: the next one begins. At least 1,024.
   *
   * @defaultValue 67,108,864 (64 MiB)
   */
  readonly segmentBytes?: number | undefined;
}

const SEGMENT_BYTES = 67_108_864;
const MIN_SEGMENT_BYTES = 1_024;

/**
 * Keeps audit logs in a folder, each in a folder of its own: `w0/records-000000.jsonl` with one record a line, `openings-000000.jsonl` beside it, and
 * `checkpoints.note`. A record that was appended is on the disk (fdatasync). A log belongs to one process at a time, and is free again when that process has
 * ended, also by SIGKILL. The folder must be on a local disk that has hard links.
 *
 * @param folder a path or a file: URL; made where it is missing, for this user alone
 * @throws ConfigError for a path or an option that cannot be used
 */
export function jsonlFolder(folder: string | URL, options: JsonlFolderOptions = {}): AuditSink {
  const { segmentBytes = SEGMENT_BYTES } = checkedOptions('jsonlFolder()', options, { segmentBytes: 'any' });
  if (!(Number.isSafeInteger(segmentBytes) && segmentBytes >= MIN_SEGMENT_BYTES))
    throw new ConfigError([
      { where: 'jsonlFolder(): segmentBytes', message: `must be a whole number of bytes, at least 1,024 (got ${got(segmentBytes)})` },
    ]);
  const path: unknown = folder instanceof URL ? pathOfUrl(folder) : folder;
  if (typeof path !== 'string' || path === '' || path.includes('\u0000'))
    throw new ConfigError([
      { where: 'jsonlFolder()', message: `must be given the path or the file: URL of a folder (got ${got(folder)})` },
    ]);
  return new JsonlSink(resolve(path), segmentBytes, diskFiles);
}
