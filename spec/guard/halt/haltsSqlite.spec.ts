import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { needsSqlite } from '../../store/sqlite/sqliteFiles.js';
import { countedSuite } from '../../support/assurance.js';
import { haltsEverywhere } from './haltsEverywhere.js';

describe('Halts at every stage of a call, in SQLite', () => {
  needsSqlite();
  let folder = '';
  let files = 0;
  let cases = 0;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-halts-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));
  countedSuite('A halt at every stage of a call, in each mode, in SQLite', () => ({ cases }));
  haltsEverywhere(
    'SQLite',
    () => {
      const path = join(folder, `${(files += 1)}.db`);
      const [one, two] = [sqliteStore(path, { pollMs: 20 }), sqliteStore(path, { pollMs: 20 })];
      two.open();
      return [one, two];
    },
    () => (cases += 1),
  );
});
