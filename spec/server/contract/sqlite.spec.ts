import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { needsSqlite } from '../../store/sqlite/sqliteFiles.js';
import { behavesLikeDataPlane } from './behavesLikeDataPlane.js';
import { servedWorld } from './contractWorlds.js';

describe('A server on SQLite', () => {
  needsSqlite();
  let folder = '';
  before(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-contract-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;

  behavesLikeDataPlane(
    'Policies behind it',
    servedWorld(() => {
      const path = join(folder, `${(count += 1)}.db`);
      return Promise.resolve([sqliteStore(path, { pollMs: 20 })]);
    }),
    { remote: true },
  );
});
