import { SecretString } from '../../common/SecretString.js';
import type { ConfigError } from '../../model/errors/SetupErrors.js';
import { badSetting } from './errors.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** Options of a PostgreSQL store. */
export interface PostgresStoreOptions {
  /** `postgres://user:password@host:5432/database`. No error or log ever shows it. */
  readonly connectionString: string;
  /**
   * The schema of its tables, created if it does not exist. Two stores with the same schema are one store.
   *
   * @defaultValue `aegis`
   */
  readonly schema?: string | undefined;
  /**
   * How many connections one process may hold, at least 2: one of them listens.
   *
   * @defaultValue 4
   */
  readonly maxConnections?: number | undefined;
  /**
   * Whether pg-boss hands each approved task to one process, within milliseconds. Without it every process hears of every change, and the first one to
   * claim a task runs it.
   *
   * @defaultValue true where `pg-boss` is installed
   */
  readonly queue?: boolean | undefined;
}

/** The options, checked and complete. */
export interface PostgresSettings {
  readonly connectionString: SecretString;
  readonly schema: string;
  readonly maxConnections: number;
  readonly queue: boolean | undefined;
}

const POSTGRES_OPTIONS: OptionKinds<PostgresStoreOptions> = {
  connectionString: 'any',
  schema: 'any',
  maxConnections: 'any',
  queue: 'boolean',
};
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,39}$/;
/** Schemas of PostgreSQL itself, of what is often installed beside it, and that of tables without a schema, where `task` or `version` may be anyone's. */
const OF_OTHERS: ReadonlySet<string> = new Set(['information_schema', 'public', 'pgboss', 'cron', 'crdb_internal']);
/** Words that PostgreSQL does not take for a name. */
const RESERVED: ReadonlySet<string> = new Set(
  [
    'all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently constraint',
    'create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default deferrable desc distinct',
    'do else end except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral',
    'leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references',
    'returning right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user using variadic',
    'verbose when where window with',
  ].flatMap((line) => line.split(' ')),
);
const DEFAULT_CONNECTIONS = 4;

/**
 * Checks the options and fills in the defaults.
 *
 * @param of what they are the options of, for errors
 * @throws ConfigError for options that cannot be used
 */
export function postgresSettings(given: string | PostgresStoreOptions, of: string = 'postgresStore'): PostgresSettings {
  const bad = (key: string, message: string): ConfigError => badSetting(key, message, undefined, of);
  const options =
    typeof given === 'object' && given !== null ? checkedOptions(`${of}()`, given, POSTGRES_OPTIONS) : { connectionString: given };
  const { connectionString, schema = 'aegis', maxConnections = DEFAULT_CONNECTIONS, queue } = options;
  if (!isConnectionString(connectionString))
    throw bad('connectionString', 'must look like `postgres://user:password@host:5432/database`, with special characters percent-encoded');
  if (typeof schema !== 'string' || !SCHEMA_NAME.test(schema) || schema.startsWith('pg_'))
    throw bad('schema', 'must be at most 40 lower-case letters, digits and underscores, and must not start with a digit or `pg_`');
  if (OF_OTHERS.has(schema))
    throw bad('schema', 'must not be one that PostgreSQL or another program uses: name one for aegislib alone, such as `aegis`');
  if (RESERVED.has(schema)) throw bad('schema', 'must not be a reserved word of SQL: name another one, such as `aegis`');
  if (!Number.isInteger(maxConnections) || maxConnections < 2)
    throw bad('maxConnections', 'must be a whole number of at least 2, because one connection listens');
  return { connectionString: new SecretString(connectionString), schema, maxConnections, queue };
}

function isConnectionString(text: unknown): text is string {
  // with a socket folder in place of the host it is not a URL for every parser: `postgres://user@/database?host=/run/postgresql`
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
