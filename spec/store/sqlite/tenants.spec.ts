import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { SignedRecordStore } from '../../../lib/store/signing/SignedRecordStore.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { storedRecord } from '../../support/storedRecords.js';
import { behavesLikeHaltGate } from '../behavesLikeHaltGate.js';
import { behavesLikeServerStore } from '../behavesLikeServerStore.js';
import { needsSqlite, sqliteFiles } from './sqliteFiles.js';

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
  behavesLikeHaltGate('sqliteStore', () => {
    const store = fresh();
    const other = sqliteStore(join(folder, `${count}.db`), { pollMs: 20 });
    other.open();
    return [store, other];
  });
});

describe('A SQLite store of tenants', () => {
  needsSqlite();
  const { open, bare } = sqliteFiles();

  it('lets older code write until there is a row of another tenant', async () => {
    const store = open();
    const minReader = (): unknown => bare().prepare("SELECT value FROM meta WHERE key = 'min_reader'").get();
    await store.forTenant('default', { forOthers: true }).approvals.insert(recordOf());
    expect(minReader()).to.include({ value: 4 });
    await store.forTenant('acme').approvals.insert(recordOf());
    expect(minReader()).to.include({ value: 5 });
    await store.forTenant('acme').records.insert(storedRecord({ kind: 'halt' }));
    expect(minReader()).to.include({ value: 6 });
  });

  it('lets no older code use it once there is a grant', async () => {
    const store = open();
    const minReader = (): unknown => bare().prepare("SELECT value FROM meta WHERE key = 'min_reader'").get();
    const state = { stateKey: new SecretString('k'.repeat(32)), tenantId: 'default' };
    await new SignedRecordStore(store.forTenant('default').records, state).insert(storedRecord({ kind: 'grant' }));
    expect(minReader()).to.include({ value: 6 });
  });
});
