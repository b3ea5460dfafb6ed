import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { GrantRows } from '../../../lib/decision/grant/GrantRows.js';
import { MemoryRecordStore } from '../../../lib/store/memory/MemoryRecordStore.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { needsSqlite } from '../../store/sqlite/sqliteFiles.js';
import { behavesLikeGrantRows, grantOf } from './behavesLikeGrantRows.js';

describe('The rows of grants', () => {
  behavesLikeGrantRows('in memory', () => new MemoryStateStore());

  describe('in a file', () => {
    needsSqlite();
    let folder = '';
    let count = 0;
    before(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-grants-'))));
    after(() => rmSync(folder, { recursive: true, force: true }));
    behavesLikeGrantRows('SQLite', () => {
      const store = sqliteStore(join(folder, `${(count += 1)}.db`), { pollMs: 20 });
      store.open();
      return store;
    });
  });

  describe('in a database', function () {
    this.timeout(30_000);
    let stores: PostgresStores;
    let schema: string;
    before(async function () {
      stores = new PostgresStores(await postgresServer(this));
      schema = stores.newSchema();
    });
    after(() => stores?.end());
    afterEach(() => stores?.closeAll());
    behavesLikeGrantRows('PostgreSQL', async (): Promise<ServerStore> => {
      const store = await stores.open({ schema });
      await stores.empty(schema);
      return store;
    });
  });

  it('that are in the memory of this program answer at once', () => {
    const rows = new GrantRows(new MemoryRecordStore(), () => 1);
    const grant = grantOf();
    expect(rows.insert(grant)).to.equal(true);
    expect(rows.use(grant.id)).to.have.property('used', 1);
  });

  it('are listed all, however many there are', () => {
    const rows = new GrantRows(new MemoryRecordStore(), () => 1);
    const grants = Array.from({ length: 450 }, (_, i) => grantOf({ createdAtMs: i }));
    for (const grant of grants) rows.insert(grant);
    expect(rows.list()).to.deep.equal(grants);
  });

  it('that cannot be read are not there, and one that the store does not replace is reported', async () => {
    const store = new MemoryRecordStore();
    const rows = new GrantRows(store, () => 1);
    store.insert({ kind: 'grant', id: 'odd', version: 1, createdAtMs: 1, body: '{' });
    expect(rows.get('odd')).to.equal(undefined);
    expect(rows.list()).to.deep.equal([]);
    const grant = grantOf();
    rows.insert(grant);
    store.replace = () => false;
    const seen = await diagnosed(async () => expect(await rows.use(grant.id)).to.equal(undefined));
    expect(securityCodes(seen)).to.deep.equal(['grant_not_replaced']);
  });
});
