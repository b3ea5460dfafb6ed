import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StateStore } from '../../lib/store/StateStore.js';
import { sqliteStore } from '../../lib/store/sqlite/index.js';
import { withstandsEdits } from './support/withstandsEdits.js';

describe('Edits that must not be', () => {
  withstandsEdits('a store in memory', async () => undefined);

  describe('with a file', () => {
    let folder = '';
    before(() => void (folder = mkdtempSync(join(tmpdir(), 'aegis-edits-'))));
    after(() => rmSync(folder, { recursive: true, force: true }));
    if (process.getBuiltinModule?.('node:sqlite') === undefined) it('on SQLite: skipped, because this Node has no node:sqlite');
    else withstandsEdits('SQLite', async () => sqliteStore(join(folder, 'state.db')) as StateStore);
  });
});
