import { checkedOptions } from '../../../model/checkedOptions.js';
import { postgresSettings } from '../../../store/postgres/settings.js';
import type { AuditSink } from '../AuditSink.js';
import { AuditConnections } from './AuditConnections.js';
import { PostgresAuditSink } from './PostgresAuditSink.js';

/** Options of {@link postgresSink}. */
export interface PostgresSinkOptions {
  /** `postgres://user:password@host:5432/database`. No error or log ever shows it. */
  readonly connectionString: string;
  /**
   * The schema of its tables, created if it does not exist. It may be the one of a store.
   *
   * @defaultValue `aegis`
   */
  readonly schema?: string | undefined;
}

/**
 * Keeps audit logs in PostgreSQL 13 or newer, for a fleet of processes. It needs the package `pg`. A record that was appended is committed with
 * `synchronous_commit = on`. The connection that writes a log also holds it, by a lock of its session: a pooler that shares sessions, such as PgBouncer in
 * transaction mode, cannot stand between.
 *
 * Nothing is updated, and only erasing deletes, in the table of openings. So the user may be one that has INSERT and SELECT alone:
 *
 * ```text
 * GRANT USAGE ON SCHEMA aegis TO audit_writer;
 * GRANT SELECT ON aegis.audit_version TO audit_writer;
 * GRANT SELECT, INSERT ON aegis.audit_record, aegis.audit_checkpoint, aegis.audit_opening TO audit_writer;
 * GRANT SELECT, DELETE ON aegis.audit_opening TO audit_eraser;
 * ```
 *
 * @param connection a connection string, or options with one
 * @throws ConfigError for options that cannot be used; opening throws it where the user or the password is refused
 */
export function postgresSink(connection: string | PostgresSinkOptions): AuditSink {
  const options =
    typeof connection === 'object' && connection !== null
      ? checkedOptions('postgresSink()', connection, { connectionString: 'any', schema: 'any' })
      : { connectionString: connection };
  return new PostgresAuditSink(new AuditConnections(postgresSettings(options, 'postgresSink')));
}
