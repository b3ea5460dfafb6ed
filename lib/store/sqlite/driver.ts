import { closeSync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { checkedVersion, migrate } from './schema.js';

const WHERE = 'sqliteStore(path)';
/** Result codes of SQLite, and what is to be done about each. */
const FIXES: Readonly<Record<number, string>> = {
  5: 'the file is locked by another process: name another, or end that process',
  8: 'the file cannot be written: make it and its folder writable for this user',
  13: 'the disk is full',
  14: 'the file cannot be opened: its folder must exist, and both must be writable for this user',
  23: 'the file cannot be opened: make it and its folder writable for this user',
  26: 'the file is no SQLite database: name another',
};

/** The path of a store's file. @throws ConfigError where it is none */
export function checkedPath(path: string | URL): string {
  let file: unknown = path;
  if (path instanceof URL) file = path.protocol === 'file:' ? fileURLToPath(path) : undefined;
  if (typeof file === 'string' && file !== '' && !file.startsWith(':memory:') && !file.includes('\u0000')) return file;
  throw refused('a path or a file: URL is needed; for a store in memory, give no `store` at all');
}

/** An open database of the current schema, safe against power cuts and shared with other processes. @throws ConfigError and nothing else */
export function openDatabase(path: string): DatabaseSync {
  const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
  if (sqlite === undefined)
    throw refused(
      `this Node (${process.version}) has no node:sqlite: use Node 22.13 or later, or aegislib/postgres, or no \`store\` for memory`,
    );
  let db: DatabaseSync | undefined;
  try {
    createPrivately(path);
    db = new sqlite.DatabaseSync(path);
    db.exec('PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF');
    checkedVersion(db);
    useWal(db);
    db.exec('PRAGMA synchronous = FULL');
    migrate(db);
    return db;
  } catch (error) {
    if (db?.isOpen !== false) db?.close();
    throw openingError(error);
  }
}

/** What opening failed with, as a problem of the configuration. */
export function openingError(error: unknown): ConfigError {
  if (error instanceof ConfigError) return error;
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  // extended codes have the primary one in their low byte
  const fix = typeof code === 'number' ? FIXES[code & 0xff] : undefined;
  return refused(fix ?? 'the file cannot be opened: it must be a writable file of aegislib, or a new one in a writable folder', error);
}

/** The store holds arguments and verdicts: a new file is this user's alone, and what SQLite puts beside it has the same mode. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600));
  } catch {
    // it is there, or SQLite says what is wrong
  }
}

/** The busy handler is not asked where two connections change the mode at once: whoever finds it busy looks again. */
function useWal(db: DatabaseSync): void {
  for (let left = 100; ; left--) {
    try {
      if ((db.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode: string }).journal_mode === 'wal') return;
      throw refused('the file system has no shared memory, which several processes on one file need: use a local disk');
    } catch (error) {
      if (left === 0 || (error as { errcode?: number }).errcode !== 5) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function refused(message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ where: WHERE, message }], cause === undefined ? undefined : { cause });
}
