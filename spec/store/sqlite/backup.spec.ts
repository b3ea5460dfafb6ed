import { expect } from 'chai';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import { SCHEMA_VERSION } from '../../../lib/store/sqlite/file/schema.js';
import { recordOf } from '../../support/approvalRecords.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';
import { storedRecord } from '../../support/storedRecords.js';
import { pendingTask } from '../../support/tasks.js';
import { needsSqlite, sqlite, sqliteFiles } from './sqliteFiles.js';

const HOUR = 3_600_000;

describe('The backup of a SQLite store', () => {
  needsSqlite();
  const { path, open, bare } = sqliteFiles();

  for (const how of ['as Node copies it', 'where Node has no function for it'])
    it(`is a whole store at one moment, ${how}, that this user alone can read; opened, it withdraws what may have been used since`, async function () {
      const module = sqlite as { backup?: unknown };
      const { backup } = module;
      if (how.startsWith('where')) module.backup = undefined;
      try {
        const store = open();
        const [waiting, unused] = ['pending', 'approved'].map((status) =>
          recordOf({ status: status as 'pending', createdAtMs: Date.now(), expiresAtMs: Date.now() + HOUR }),
        ) as [ReturnType<typeof recordOf>, ReturnType<typeof recordOf>];
        const { approvals, records } = store.forTenant('acme', { forOthers: true });
        const key = storedRecord();
        await approvals.insert(waiting);
        await approvals.insert(unused);
        await records.insert(key);
        const task = pendingTask();
        await store.tasks.insert(task);
        const seen: (readonly [number, number])[] = [];
        const copying = store.backup(path('copy.db'), (copied, total) => void seen.push([copied, total]));
        // another process goes on writing
        const other = open();
        for (let i = 0; i < 20; i++) await other.forTenant('acme').records.insert(storedRecord({ kind: 'seen' }));
        await copying;
        expect(seen.at(-1)?.[0]).to.equal(seen.at(-1)?.[1]).and.to.be.greaterThan(10);
        expect(statSync(path('copy.db')).mode & 0o777).to.equal(0o600);
        expect(bare('copy.db').prepare('PRAGMA integrity_check').get()).to.include({ integrity_check: 'ok' });
        const codes = securityCodes(
          await diagnosed(async () => {
            const copy = open('copy.db');
            const there = copy.forTenant('acme');
            expect(await there.approvals.get(waiting.decisionId)).to.deep.equal(waiting);
            expect(await there.approvals.get(unused.decisionId)).to.include({ status: 'withdrawn', version: 2 });
            expect(await there.records.get('key', key.id)).to.deep.equal(key);
            expect((await there.records.list({ kind: 'seen' })).records).to.deep.equal([]);
            expect(await copy.tasks.get(task.taskId)).to.deep.equal(task);
          }),
        );
        expect(codes).to.deep.equal(['store_restored']);
        expect(await approvals.get(unused.decisionId)).to.include({ status: 'approved' });
      } finally {
        module.backup = backup;
      }
    });

  it('takes a URL, and says nothing where it is not asked to', async () => {
    await open().backup(pathToFileURL(path('by url.db')));
    expect(existsSync(path('by url.db'))).to.equal(true);
  });

  it('is refused where the file exists, or cannot be made, and leaves nothing behind', async () => {
    const store = open();
    writeFileSync(path('there.db'), 'a text');
    mkdirSync(path('folder'));
    for (const [name, message] of [
      ['there.db', 'the file exists already: name a new one'],
      ['folder', 'the file exists already'],
      ['none/copy.db', 'its folder must exist'],
      ['aegis.db', 'the file exists already'],
    ] as const)
      expect(await rejection(store.backup(path(name))), name)
        .to.include({ name: 'ConfigError' })
        .with.property('message')
        .that.includes(message);
    for (const bad of ['', ':memory:', 1 as unknown as string])
      expect(await rejection(store.backup(bad))).to.include({ name: 'ConfigError' });
    const stop = (): never => {
      throw new RangeError('stopped');
    };
    expect(await rejection(store.backup(path('copy.db'), stop))).to.include({ name: 'StoreError' });
    expect(readdirSync(path('')).filter((name) => name.startsWith('copy'))).to.deep.equal([]);
    store.close();
    expect(await rejection(store.backup(path('copy.db')))).to.include({ name: 'ShutdownError' });
  });
});

describe('The migration of a SQLite store', () => {
  needsSqlite();
  const { path, bare } = sqliteFiles();

  it('makes the tables, or brings them up to date, and leaves the file closed', () => {
    const store = sqliteStore(path());
    expect(store.migrate()).to.deep.equal({ from: 0, to: SCHEMA_VERSION });
    expect(store.migrate()).to.deep.equal({ from: SCHEMA_VERSION, to: SCHEMA_VERSION });
    expect(readdirSync(path(''))).to.deep.equal(['aegis.db']);
    expect(() => store.approvals.list({})).to.throw('not open');
    bare().exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    expect(store.migrate()).to.deep.equal({ from: SCHEMA_VERSION + 1, to: SCHEMA_VERSION + 1 });
    bare().exec(`UPDATE meta SET value = ${SCHEMA_VERSION + 1} WHERE key = 'min_reader'`);
    expect(() => store.migrate())
      .to.throw('update aegislib')
      .with.property('name', 'ConfigError');
  });
});
