import { realpathSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { nextId } from '../../common/nextId.js';
import { CommitMark } from './file/CommitMark.js';
import type { MarkedCommits } from './file/CommitMark.js';
import type { SqliteDatabase } from './SqliteDatabase.js';

/** What can be seen of a store's files before they are opened: opening them makes a new `-wal`. */
export interface FilesBefore {
  /** The mark beside the file. */
  readonly marked: MarkedCommits | undefined;
  /** Who had marked the file itself as in use, in its main file alone. */
  readonly inUse: string | undefined;
  /** Whether there is a `-wal` with something in it. */
  readonly hasWal: boolean;
}

/** Looks at the files of a store that is about to be opened. The order matters: another process may open or close the store meanwhile. */
export function filesBefore(path: string): FilesBefore {
  return { marked: CommitMark.read(markFileOf(path)), inUse: inUseAlone(path), hasWal: sizeOf(`${resolved(path)}-wal`) > 0 };
}

/** The file of the store's {@link CommitMark}. */
export function markFileOf(path: string): string {
  return `${resolved(path)}-commits`;
}

/** The number of the last change ever, deleted or not. */
export function newestChange(db: SqliteDatabase): number {
  return db.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'change'")?.seq ?? 0;
}

/**
 * Whether changes that were committed are missing. A mark that belongs to the store knows how many there were. Without one, a file that was in use, and
 * was not closed, must have a `-wal`: its main file alone is older than what was committed.
 */
export function hasLostHistory(db: SqliteDatabase, { marked, inUse, hasWal }: FilesBefore): boolean {
  if (marked !== undefined && marked.storeId === storeIdOf(db)) return marked.newest > newestChange(db);
  return inUse !== undefined && !hasWal && inUse === inUseNow(db);
}

/** Marks a file that has lost changes as up to date: the numbers of its next changes are new to all that knew the lost ones. */
export function continueHistory(db: SqliteDatabase, { marked }: FilesBefore): void {
  db.run("DELETE FROM meta WHERE key = 'in_use'");
  if (marked === undefined || marked.newest <= newestChange(db)) return;
  if (db.run("UPDATE sqlite_sequence SET seq = ? WHERE name = 'change'", marked.newest).changes > 0) return;
  db.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('change', ?)", marked.newest);
}

/** Marks the file as in use. Returns false where it is marked already, by this process, another one, or one that has died. */
export function markInUse(db: SqliteDatabase): boolean {
  return db.run("INSERT INTO meta VALUES ('in_use', ?) ON CONFLICT (key) DO NOTHING", nextId('use')).changes > 0;
}

function inUseNow(db: SqliteDatabase): string | undefined {
  return db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'in_use'")?.value;
}

export function storeIdOf(db: SqliteDatabase): string | undefined {
  return db.get<{ value: string }>("SELECT value FROM meta WHERE key = 'store_id'")?.value;
}

/** Reads the main file as if it had no `-wal`; `undefined` where it cannot be read so, or is not marked. */
function inUseAlone(path: string): string | undefined {
  const { DatabaseSync } = (process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined) ?? {};
  if (DatabaseSync === undefined || sizeOf(path) === 0) return undefined;
  try {
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    const alone = new DatabaseSync(url, { readOnly: true });
    try {
      return (alone.prepare("SELECT value FROM meta WHERE key = 'in_use'").get() as { readonly value: string } | undefined)?.value;
    } finally {
      alone.close();
    }
  } catch {
    // an older store, or another process is writing to it just now
    return undefined;
  }
}

/** SQLite puts its files beside the file that a link points to. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
