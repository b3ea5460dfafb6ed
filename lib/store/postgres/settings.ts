import { SecretString } from '../../common/SecretString.js';
import { badSetting } from './errors.js';

/** Where a Postgres store is, and what it may use. */
export interface PostgresStoreOptions {
  /** `postgres://user:password@host:5432/database`. No error or log ever shows it. */
  readonly connectionString: string;
  /** The schema of its tables, created where it is not there. Default `aegis`. Two stores with one schema are one store. */
  readonly schema?: string | undefined;
  /** How many connections one process may hold, two at the least. Default 4: one of them listens. */
  readonly maxConnections?: number | undefined;
  /**
   * Whether approved tasks are handed to one process by pg-boss, within milliseconds. Default: where `pg-boss` is installed. Without it every process
   * hears of every change, and the first to claim a task runs it.
   */
  readonly queue?: boolean | undefined;
}

/** The same, checked and complete. */
export interface PostgresSettings {
  readonly connectionString: SecretString;
  readonly schema: string;
  readonly maxConnections: number;
  readonly queue: boolean | undefined;
}

const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,39}$/;
const DEFAULT_CONNECTIONS = 4;

/** @throws ConfigError for settings that cannot be used */
export function postgresSettings(given: string | PostgresStoreOptions): PostgresSettings {
  const options = typeof given === 'object' && given !== null ? given : { connectionString: given };
  const { connectionString, schema = 'aegis', maxConnections = DEFAULT_CONNECTIONS, queue } = options;
  if (!isConnectionString(connectionString))
    throw badSetting(
      'connectionString',
      'write `postgres://user:password@host:5432/database`; special characters in it are percent-encoded',
    );
  if (!SCHEMA_NAME.test(schema) || schema.startsWith('pg_'))
    throw badSetting('schema', 'at most 40 lower-case letters, digits and underscores, not starting with a digit or `pg_`');
  if (!Number.isInteger(maxConnections) || maxConnections < 2)
    throw badSetting('maxConnections', 'a whole number, 2 at the least: one connection listens');
  return { connectionString: new SecretString(connectionString), schema, maxConnections, queue };
}

function isConnectionString(text: unknown): text is string {
  // a socket folder in the place of the host is no URL for everybody: `postgres://user@/database?host=/run/postgresql`
  return typeof text === 'string' && /^postgres(?:ql)?:\/\/\S+$/.test(text) && canBeParsed(text);
}

function canBeParsed(text: string): boolean {
  try {
    const { port } = new URL(text.replace('@/', '@socket/').replace('///', '//socket/'));
    return port !== '0';
  } catch {
    return false;
  }
}
