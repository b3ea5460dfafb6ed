import { expect } from 'chai';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import type { DataPlane } from '../../../lib/server/createDataPlane.js';
import { postgresStore } from '../../../lib/store/postgres/index.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { needsSqlite } from '../../store/sqlite/sqliteFiles.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { failureOf, runAegis } from '../runAegis.js';

const key = AuditKey.generate();
const POLICIES = { text: '@id("all") permit (principal, action, resource);' };

describe('aegis audit verify --store', () => {
  let folder = '';
  const audit = (): string => join(folder, 'audit');
  const verify = (...args: readonly string[]): ReturnType<typeof runAegis> =>
    runAegis(['audit', 'verify', audit(), '--allow-unproven', ...args]);

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'aegis-stored-heads-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Two servers of one store, each with a log in the folder, that make a key and stop. */
  async function serve(open: () => ServerStore): Promise<void> {
    const planes: DataPlane[] = [];
    for (let i = 0; i < 2; i++) {
      const log = auditLog({ sink: jsonlFolder(audit()), origin: 'spec.example/plane', key });
      planes.push(createDataPlane({ policies: POLICIES, store: open(), stateKey: 'state-key-for-specs-0123456789abcdef', audit: log }));
      await planes[i]?.createKey({ name: `key-${i}`, scopes: ['decide'] });
    }
    for (const plane of planes) await plane.close({ idleMs: 0 });
  }

  async function noticesAll(open: () => ServerStore, store: string): Promise<void> {
    await serve(open);
    const backup = join(folder, 'backup');
    cpSync(audit(), backup, { recursive: true });
    await serve(open);
    expect(await verify('--store', store)).to.include({ code: 0 });
    const whole = join(folder, 'whole');
    cpSync(audit(), whole, { recursive: true });
    const restore = (from: string): void => {
      rmSync(audit(), { recursive: true });
      cpSync(from, audit(), { recursive: true });
    };
    const attacks: Readonly<Record<string, () => void>> = {
      'put back as it was before': () => restore(backup),
      'without one of its logs': () => rmSync(join(audit(), 'w1'), { recursive: true }),
      'with one log in the place of another': () => {
        rmSync(join(audit(), 'w1'), { recursive: true });
        cpSync(join(backup, 'w1'), join(audit(), 'w1'), { recursive: true });
      },
    };
    for (const [what, attack] of Object.entries(attacks)) {
      attack();
      const { code, stdout } = await verify('--store', store);
      expect([code, /the store says/.test(stdout)], `${what}: ${stdout}`).to.deep.equal([1, true]);
      restore(whole);
    }
    expect(await verify('--store', store)).to.include({ code: 0 });
  }

  describe('with a SQLite file', () => {
    needsSqlite();
    it('notices a log that is gone, shorter or replaced', () => {
      const path = join(folder, 'aegis.db');
      return noticesAll(() => sqliteStore(path), path);
    });
  });

  describe('with PostgreSQL', () => {
    let stores: PostgresStores | undefined;
    let url = '';
    before(async function () {
      const server = await postgresServer(this);
      stores = new PostgresStores(server);
      // of its own: other specs keep heads in the schema that is the default
      const name = `aegis_heads_${process.pid}`;
      await (await stores.client()).query(`CREATE DATABASE ${name}`);
      const own = new URL(server.url());
      own.pathname = `/${name}`;
      url = own.href;
    });
    after(async () => {
      await (await stores?.client())?.query(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
      await stores?.end();
    });
    it('notices a log that is gone, shorter or replaced', () => noticesAll(() => postgresStore(url), url));
  });

  it('says where there is no such file', async () => {
    expect(await failureOf(['audit', 'verify', audit(), '--store', join(folder, 'none.db')])).to.include('--store: there is no file at');
  });
});
