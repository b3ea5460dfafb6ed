import { AegisError } from '../../model/AegisError.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';

/** What the server or the socket says when a connection is gone, or cannot be had yet. */
const LOST_CODES =
  /^(?:ECONN(?:RESET|REFUSED|ABORTED)|EPIPE|ETIMEDOUT|ENOENT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|57P0[1-5]|08.{3}|25P03|53300)$/;
const LOST_WORDS =
  /connection terminated|connection error|not queryable|timeout exceeded when trying to connect|query read timeout|client was closed/i;
/** Two transactions met; the server undid this one. */
const UNDONE_CODES = /^40(?:001|P01)$/;

const INSTALL = 'run `npm install pg pg-boss`';

/** Whether a statement failed because of its connection: nobody knows whether it was done. */
export function isLost(error: unknown): boolean {
  return LOST_CODES.test(codeOf(error)) || (codeOf(error) === '' && LOST_WORDS.test(messageOf(error)));
}

/** Whether the statement is to be tried again as it is: its connection is lost, or the server undid it for another's sake. */
export function isPassing(error: unknown): boolean {
  return isLost(error) || UNDONE_CODES.test(codeOf(error));
}

/** Whether the error says that a unique key is taken. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === '23505';
}

/** Whether the transaction was undone because a row refers to none: only the tables of the queue do so. */
export function isDangling(error: unknown): boolean {
  return codeOf(error) === '23503';
}

/** A failure of the store once it is open, without anything of the statement or of the connection string. */
export function failureOf(error: unknown): AegisError {
  if (AegisError.is(error)) return error;
  return new StoreError('PostgreSQL could not do it; what was asked for may or may not have been done.', { cause: causeOf(error) });
}

/** Why a store could not be opened, and what to do. */
export function openingFailureOf(error: unknown): AegisError {
  if (AegisError.is(error)) return error;
  const code = codeOf(error);
  if (code.startsWith('28') || /SASL|password must be a string/i.test(messageOf(error)))
    return refusal('PostgreSQL refused the user or the password: check the connection string.', error);
  if (code === '3D000') return refusal('There is no such database: create it, or name another one in the connection string.', error);
  if (code === '42501')
    return refusal('The user may not create or change the schema: grant it CREATE on the database, or make it own the schema.', error);
  if (code === 'ENOTFOUND') return refusal('The host of the connection string is not known: check its name.', error);
  if (/SSL/i.test(messageOf(error)) && code === '')
    return refusal('The server and the connection string do not agree on TLS: check `sslmode`.', error);
  const cause = causeOf(error);
  if (isLost(error))
    return new StoreError('No PostgreSQL server answers: check that it runs and takes connections at the address given.', { cause });
  return new StoreError('The PostgreSQL store could not be opened.', { cause });
}

/** A peer dependency that is not installed. */
export function missingPeer(name: 'pg' | 'pg-boss'): ConfigError {
  return new ConfigError([{ where: 'postgresStore', message: `the package \`${name}\` is not installed: ${INSTALL}` }]);
}

/** A setting that cannot be used. Never shows it. */
export function badSetting(where: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ where: `postgresStore.${where}`, message }], cause === undefined ? undefined : { cause });
}

function refusal(message: string, error: unknown): ConfigError {
  return new ConfigError([{ where: 'postgresStore', message }], { cause: causeOf(error) });
}

/** Only the code: messages quote users, hosts and keys, and details quote rows. */
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
