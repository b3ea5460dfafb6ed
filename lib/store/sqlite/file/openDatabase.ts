import { closeSync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { pathOfUrl } from '../../../common/pathOfUrl.js';
import { ConfigError } from '../../../model/errors/SetupErrors.js';
import type { Migration } from '../../StateStore.js';
import { checkedVersion, migrate, SCHEMA_VERSION } from './schema.js';

const WHERE = 'sqliteStore(path)';
/** Result codes of SQLite, and what to do about each. */
const FIXES: Readonly<Record<number, string>> = {
  5: 'another process keeps the file locked: name another file, or end that process',
  8: 'the file cannot be written: make it and its folder writable for this user',
  13: 'the disk is full: free some space',
  14: 'the file cannot be opened: its folder must exist, and both must be writable for this user',
  23: 'the file cannot be opened: make it and its folder writable for this user',
  26: 'the file is not a SQLite database: name another one',
};

/**
 * The path of a store's file.
 *
 * @throws ConfigError where it is not a path or a file URL
 */
export function checkedPath(path: string | URL, where: string = WHERE): string {
  const file: unknown = path instanceof URL ? pathOfUrl(path) : path;
  if (typeof file === 'string' && file !== '' && !file.startsWith(':memory:') && !file.includes('\u0000')) return file;
  throw new ConfigError([{ where, message: 'must be a path or a file: URL; for a store in memory, give no `store` at all' }]);
}

/**
 * Brings a database to the current schema, and leaves it closed.
 *
 * @throws ConfigError and nothing else
 */
export function migrateDatabase(path: string): Migration {
  let from = 0;
  openDatabase(path, (version) => (from = version)).close();
  // a newer one that this code may use stays as it is
  return { from, to: Math.max(from, SCHEMA_VERSION) };
}

/**
 * Opens a database and brings it to the current schema. It is safe against power cuts, and shared with other processes.
 *
 * @param onVersion is told the version of the schema before; 0 where there was none
 * @throws ConfigError and nothing else
 */
export function openDatabase(path: string, onVersion?: (before: number) => void): DatabaseSync {
  const instead = 'aegislib/postgres, or no `store` for memory';
  const check = (db: DatabaseSync): void => {
    const version = checkedVersion(db);
    onVersion?.(version);
  };
  return openFile({ path, where: WHERE, instead, check, migrate });
}

/** A SQLite file, and who opens it. */
export interface FileToOpen {
  readonly path: string;
  /** What it is opened for, and what to use where this Node has no SQLite, for errors. */
  readonly where: string;
  readonly instead: string;
  /** Throws where the file belongs to another program. */
  readonly check: (db: DatabaseSync) => void;
  /** Brings it to the current schema. */
  readonly migrate: (db: DatabaseSync) => void;
}

/**
 * Opens a file, safe against power cuts and shared with other processes.
 *
 * @throws ConfigError and nothing else
 */
export function openFile({ path, where, instead, check, migrate: toCurrent }: FileToOpen): DatabaseSync {
  const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
  if (sqlite === undefined)
    throw refused(`this Node (${process.version}) has no node:sqlite: use Node 22.13 or later, or ${instead}`, undefined, where);
  let db: DatabaseSync | undefined;
  try {
    createPrivately(path);
    db = new sqlite.DatabaseSync(path);
    db.exec('PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF');
    check(db);
    useWal(db);
    db.exec('PRAGMA synchronous = FULL');
    toCurrent(db);
    return db;
  } catch (error) {
    if (db?.isOpen !== false) db?.close();
    throw openingError(error, where);
  }
}

/** A failure to open, as a problem of the configuration. */
export function openingError(error: unknown, where: string = WHERE): ConfigError {
  if (error instanceof ConfigError) return error;
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  // extended codes have the primary one in their low byte
  const fix = typeof code === 'number' ? FIXES[code & 0xff] : undefined;
  return refused(
    fix ?? 'the file cannot be opened: it must be a writable file of aegislib, or a new one in a writable folder',
    error,
    where,
  );
}

/** Only this user may read a new file, because it holds arguments and verdicts. The files that SQLite puts beside it get the same mode. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600));
  } catch {
    // the file exists, or SQLite reports what is wrong
  }
}

/** SQLite does not call its busy handler where two connections change the mode at once, so this tries again. */
function useWal(db: DatabaseSync): void {
  for (let left = 100; ; left--) {
    try {
      if ((db.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode: string }).journal_mode === 'wal') return;
      throw refused('the file system has no shared memory, which several processes need to share a file: use a local disk');
    } catch (error) {
      if (left === 0 || (error as { errcode?: number }).errcode !== 5) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function refused(message: string, cause?: unknown, where: string = WHERE): ConfigError {
  return new ConfigError([{ where, message }], cause === undefined ? undefined : { cause });
}
