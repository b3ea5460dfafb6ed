import { ConfigError } from '../../model/errors/SetupErrors.js';
import { got } from '../../common/readOptions.js';

const WRITER_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

/** Whether a log may have this name. It is also the name of a folder, on disks that know no capitals too. */
export function isWriterName(name: unknown): name is string {
  return typeof name === 'string' && WRITER_NAME.test(name);
}

/**
 * The name of a log that a caller asks for.
 *
 * @throws ConfigError where it cannot be the name of a log
 */
export function checkedWriterName(name: unknown): string {
  if (isWriterName(name)) return name;
  const message = `must be 1 to 64 lower-case letters, digits, "-", "_" and ".", and start with a letter or a digit (got ${got(name)}); leave it out for the first log that is free`;
  throw new ConfigError([{ where: 'the name of the audit log', message }]);
}

/** The names to try where the caller asks for none. */
export function* freeWriterNames(): Generator<string> {
  for (let n = 0; ; n++) yield `w${n}`;
}
