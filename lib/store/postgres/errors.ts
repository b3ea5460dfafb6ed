import { AegisError } from '../../model/AegisError.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';

/** The codes of the server and of the socket for a connection that is gone, or cannot be made yet. */
const LOST_CODES =
  /^(?:ECONN(?:RESET|REFUSED|ABORTED)|EPIPE|ETIMEDOUT|ENOENT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|57P0[1-5]|08.{3}|25P03|53300)$/;
const LOST_WORDS =
  /connection terminated|connection error|not queryable|timeout exceeded when trying to connect|query read timeout|client was closed/i;
/** Two transactions conflicted, and the server undid this one. */
const UNDONE_CODES = /^40(?:001|P01)$/;

/** The error code of a write by code of a schema version that may no longer write. Part of migration 3: never change it. */
export const OUTDATED = 'AG001';

const INSTALL = 'run `npm install pg pg-boss`';

/** Whether a statement failed because of its connection: it is not known whether it was done. */
export function isLost(error: unknown): boolean {
  return LOST_CODES.test(codeOf(error)) || (codeOf(error) === '' && LOST_WORDS.test(messageOf(error)));
}

/** Whether to try the statement again as it is: its connection was lost, or the server undid it because of another one. */
export function isPassing(error: unknown): boolean {
  return isLost(error) || UNDONE_CODES.test(codeOf(error));
}

/** Whether the error says that a unique key is taken. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === '23505';
}

/** Whether the transaction was undone because a row refers to one that does not exist: only the tables of the queue have such references. */
export function isDangling(error: unknown): boolean {
  return codeOf(error) === '23503';
}

/** A failure of an open store. It shows nothing of the statement or the connection string. */
export function storeErrorOf(error: unknown): AegisError {
  if (AegisError.is(error)) return error;
  if (codeOf(error) === OUTDATED)
    return new StoreError(
      'A newer aegislib has migrated the schema, and this version may no longer write to it; nothing was written. Update aegislib in this process.',
    );
  return new StoreError('A PostgreSQL statement failed, and it may or may not have been done. See the cause for its code.', {
    cause: causeOf(error),
  });
}

/** Why a store could not be opened, and what to do. */
export function openingErrorOf(error: unknown): AegisError {
  if (AegisError.is(error)) return error;
  const code = codeOf(error);
  if (code.startsWith('28') || /SASL|password must be a string/i.test(messageOf(error)))
    return refusal('PostgreSQL refused the user or the password: check the connection string.', error);
  if (code === '3D000') return refusal('There is no such database: create it, or name another one in the connection string.', error);
  if (code === '42501')
    return refusal('The user may not create or change the schema: grant it CREATE on the database, or make it own the schema.', error);
  if (code === 'ENOTFOUND') return refusal('The host in the connection string cannot be found: check its name.', error);
  if (/SSL/i.test(messageOf(error)) && code === '')
    return refusal('The server and the connection string do not agree on TLS: check `sslmode`.', error);
  const cause = causeOf(error);
  if (isLost(error))
    return new StoreError(
      'No PostgreSQL server answers: check that it runs and accepts connections at the address in the connection string.',
      { cause },
    );
  return new StoreError('The PostgreSQL store could not be opened. See the cause for the code of PostgreSQL.', { cause });
}

/** A peer dependency that is not installed. */
export function missingPeer(name: 'pg' | 'pg-boss'): ConfigError {
  return new ConfigError([{ where: 'postgresStore', message: `the package \`${name}\` is not installed: ${INSTALL}` }]);
}

/** A setting that cannot be used. The error never shows its value. */
export function badSetting(where: string, message: string, cause?: unknown, of: string = 'postgresStore'): ConfigError {
  return new ConfigError([{ where: `${of}.${where}`, message }], cause === undefined ? undefined : { cause });
}

/** Whether importing or requiring a package failed because it is not installed. */
export function isNotInstalled(error: unknown): boolean {
  return codeOf(error) === 'ERR_MODULE_NOT_FOUND' || codeOf(error) === 'MODULE_NOT_FOUND';
}

function refusal(message: string, error: unknown): ConfigError {
  return new ConfigError([{ where: 'postgresStore', message }], { cause: causeOf(error) });
}

/** Keeps only the code: messages quote users, hosts and keys, and details quote rows. */
function causeOf(error: unknown): Error {
  const code = codeOf(error);
  return Object.assign(new Error(code === '' ? 'PostgreSQL connection failed' : `PostgreSQL error ${code}`), { code });
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}
