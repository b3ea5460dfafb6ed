import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { SqliteStore } from '../../../lib/store/sqlite/index.js';

/** Specs of SQLite need a Node that has it: 22.13 or later. */
export const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;

/** Skips the specs around it, with one line that says why, on a Node without node:sqlite. */
export function needsSqlite(): void {
  before('needs node:sqlite (Node 22.13 or later)', function () {
    if (sqlite === undefined) this.skip();
  });
}

/** A folder of its own for each spec around it, gone afterwards; what was opened in it through here is closed. */
export function sqliteFiles(): {
  readonly path: (name?: string) => string;
  readonly open: (name?: string) => SqliteStore;
  readonly bare: (name?: string) => DatabaseSync;
} {
  let folder = '';
  let opened: { close(): unknown }[] = [];
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-sqlite-'))));
  afterEach(() => {
    for (const one of opened) one.close();
    opened = [];
    rmSync(folder, { recursive: true, force: true });
  });
  const path = (name = 'aegis.db'): string => join(folder, name);
  return {
    path,
    open: (name) => {
      const store = sqliteStore(path(name), { pollMs: 20 });
      store.open();
      opened.push(store);
      return store;
    },
    bare: (name) => {
      const db = new sqlite!.DatabaseSync(path(name));
      opened.push({ close: () => db.isOpen && db.close() });
      return db;
    },
  };
}
