import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { behavesLikeServerStore } from '../behavesLikeServerStore.js';
import { needsSqlite } from './sqliteFiles.js';

describe('sqliteStore', () => {
  needsSqlite();
  let folder = '';
  let count = 0;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-sqlite-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const fresh = (): ServerStore => {
    const store = sqliteStore(join(folder, `${(count += 1)}.db`), { pollMs: 20 });
    store.open();
    return store;
  };

  behavesLikeServerStore('sqliteStore', fresh);
});
