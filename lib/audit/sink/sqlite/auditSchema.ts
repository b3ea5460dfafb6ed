import type { DatabaseSync } from 'node:sqlite';
import { openFile } from '../../../store/sqlite/file/openDatabase.js';
import { ConfigError } from '../../../model/errors/SetupErrors.js';

/** What errors call the sink. */
export const WHERE = 'sqliteSink(path)';

/** Marks a file as one of audit logs ("Aega"), in the file's own header. */
const APPLICATION_ID = 0x41656761;

/**
 * From each version of the schema to the next. Never edit one that was released. What was written is not changed: triggers refuse it, so that it takes more
 * than a wrong statement.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE log (writer TEXT PRIMARY KEY, tree TEXT NOT NULL, token TEXT, holder TEXT, lease_until REAL NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE record (writer TEXT NOT NULL, seq INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY KEY (writer, seq)) STRICT, WITHOUT ROWID;
  CREATE TABLE checkpoint (ord INTEGER PRIMARY KEY AUTOINCREMENT, writer TEXT NOT NULL, note TEXT NOT NULL) STRICT;
  CREATE INDEX checkpoint_writer ON checkpoint (writer, ord);
  CREATE TABLE opening (ord INTEGER PRIMARY KEY AUTOINCREMENT, writer TEXT NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX opening_writer ON opening (writer, ord);
  ${['record', 'checkpoint']
    .flatMap((table) =>
      ['UPDATE', 'DELETE'].map(
        (act) =>
          `CREATE TRIGGER ${table}_${act.toLowerCase()} BEFORE ${act} ON ${table} BEGIN SELECT RAISE(ABORT, 'audit logs are only appended to'); END;`,
      ),
    )
    .join('\n')}`,
];

/**
 * Opens a file of audit logs, made where it is missing.
 *
 * @throws ConfigError and nothing else
 */
export function openAuditSchema(path: string): DatabaseSync {
  const db = openFile({ path, where: WHERE, instead: 'jsonlFolder() or postgresSink()', check: checkedVersion, migrate });
  // what is erased is overwritten
  db.exec('PRAGMA secure_delete = ON');
  return db;
}

function migrate(db: DatabaseSync): void {
  if (checkedVersion(db) >= MIGRATIONS.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // another process may have been first
    for (const step of MIGRATIONS.slice(checkedVersion(db))) db.exec(step);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}`);
    db.exec('COMMIT');
  } catch (error) {
    // a commit that fails may have ended it
    if (db.isTransaction !== false) db.exec('ROLLBACK');
    throw error;
  }
}

function checkedVersion(db: DatabaseSync): number {
  const number = (sql: string): number => Number(Object.values(db.prepare(sql).get() as Record<string, unknown>)[0]);
  // in this order, because another process may create the file in between: it marks it in the transaction that creates its tables
  const tables = number('SELECT count(*) FROM sqlite_master');
  const version = number('PRAGMA user_version');
  if (number('PRAGMA application_id') !== APPLICATION_ID && (version !== 0 || tables > 0))
    throw refusal('the file holds something else, such as a store: name a file for audit logs alone');
  if (version > MIGRATIONS.length) throw refusal('a newer aegislib has migrated the file: update aegislib, or name another file');
  return version;
}

function refusal(message: string): ConfigError {
  return new ConfigError([{ where: WHERE, message }]);
}
