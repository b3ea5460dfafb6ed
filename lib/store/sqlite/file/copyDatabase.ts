import { closeSync, openSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../../../model/errors/ServiceErrors.js';
import { ConfigError } from '../../../model/errors/SetupErrors.js';
import { checkedPath } from './openDatabase.js';

const PAGES_AT_ONCE = 1_000;

/**
 * Copies a database that is in use into a new file, as it is when the copy begins.
 *
 * @throws ConfigError where the new file exists already, or cannot be made
 * @throws StoreError where the copy fails; then there is no new file
 */
export async function copyDatabase(from: string, to: string | URL, onProgress?: (copied: number, total: number) => void): Promise<void> {
  const { DatabaseSync, backup } = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite');
  const copy = checkedPath(to, WHERE);
  makeNew(copy);
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    // a connection of its own that stays at this moment: what others commit meanwhile does not make the copy start again
    source.exec('BEGIN; SELECT 1 FROM meta');
    const progress = ({ totalPages, remainingPages }: { readonly totalPages: number; readonly remainingPages: number }): void =>
      onProgress?.(totalPages - remainingPages, totalPages);
    // Node has the function since 22.16
    if ((backup as typeof backup | undefined) === undefined) vacuumInto(source, copy);
    else await backup(source, copy, { rate: PAGES_AT_ONCE, progress });
    const pages = Number(Object.values(source.prepare('PRAGMA page_count').get() as Record<string, unknown>)[0]);
    onProgress?.(pages, pages);
  } catch (error) {
    rmSync(copy, { force: true });
    throw new StoreError('The SQLite file could not be copied: see the cause for the code of SQLite, such as that of a full disk.', {
      cause: error,
    });
  } finally {
    source.close();
  }
}

const WHERE = 'backup(path)';

/** Only this user may read the copy. */
function makeNew(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    const exists = (error as { readonly code?: unknown }).code === 'EEXIST';
    const message = exists ? 'the file exists already: name a new one' : 'the file cannot be made: its folder must exist and be writable';
    throw new ConfigError([{ where: WHERE, message }], { cause: error });
  }
}

function vacuumInto(source: DatabaseSync, path: string): void {
  source.exec('COMMIT');
  source.prepare('VACUUM INTO ?').run(path);
}
