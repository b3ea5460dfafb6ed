import { chmodSync, copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { postgresStore } from '../../../lib/store/postgres/index.js';
import { sqliteStore } from '../../../lib/store/sqlite/index.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { counted } from '../../support/assurance.js';
import { slower } from '../../support/pace.js';
import { PostgresProxy } from '../../support/PostgresProxy.js';
import { postgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import { postgres, sqlite } from '../stores.js';

/** When a process lets in nothing more that cannot tell what is halted. */
const DENIES_MS = 6_000;
const HOUR_MS = 3_600_000;
const ORDER = { by: 'ann', reason: 'it runs wild' };
const stateKey = 'k'.repeat(32);

/** What another process that orders a halt does not reach any more. */
const FILE_CHANGES: Readonly<Record<string, (path: string) => void>> = {
  'moved away': (path) => renameSync(path, `${path}.old`),
  deleted: (path) => rmSync(path),
  'replaced by another one': (path) => {
    renameSync(path, `${path}.old`);
    copyFileSync(`${path}.old`, path);
  },
  // who is root reads everything
  ...(process.getuid?.() !== 0 && { 'made unreadable': (path: string) => chmodSync(path, 0o000) }),
};

/** A process of which the halted agent is `bad`, and another one is `good`. */
interface World {
  readonly aegis: AegisModule;
  /** The code of a call that is refused; `ran` of one that is not. */
  call(agentId: string): Promise<string>;
}

async function worldOn(store: ServerStore, more: { readonly stateKey?: string } = { stateKey }): Promise<World> {
  const aegis = AegisModule.create({ policies: { text: '@id("all") permit (principal, action, resource);' }, store, ...more });
  const tools = new Map(
    ['bad', 'good'].map((agentId) => [agentId, guard(async () => 'ran', { toolName: 'work', agentId, module: aegis })]),
  );
  await aegis.ready();
  const call = async (agentId: string): Promise<string> => {
    try {
      return await (tools.get(agentId) as () => Promise<string>)();
    } catch (error) {
      return (error as { readonly code: string }).code;
    }
  };
  return { aegis, call };
}

/** How long the other agent went on, in milliseconds, and how often the halted one did. */
async function watched({ call }: World): Promise<{ readonly wentOnMs: number; readonly bad: number; readonly last: string }> {
  const startMs = performance.now();
  let [bad, wentOnMs, last] = [0, 0, ''];
  while (performance.now() - startMs < 1.2 * DENIES_MS * slower()) {
    if ((await call('bad')) === 'ran') bad += 1;
    last = await call('good');
    if (last === 'ran') wentOnMs = performance.now() - startMs;
    else if (performance.now() - startMs > wentOnMs + 1_000) break;
    await sleep(20);
  }
  return { wentOnMs, bad, last };
}

for (const here of [sqlite, postgres])
  describe(`Where halts cannot be read, or were changed, on ${here.name}`, function () {
    this.timeout(120_000);
    let stores: PostgresStores | undefined;
    let folder = '';
    let files = 0;
    const closing: (() => unknown)[] = [];
    before(async function () {
      await here.start(this);
      folder = mkdtempSync(join(tmpdir(), 'aegis-lost-'));
      if (here === postgres) stores = new PostgresStores(await postgresServer(this));
    });
    afterEach(async () => {
      for (const close of closing.splice(0).toReversed()) await close();
    });
    after(async () => {
      await stores?.end();
      await here.end();
      rmSync(folder, { recursive: true, force: true });
    });

    /** A new store, with what changes its rows by hand. */
    const made = async (): Promise<{
      readonly store: ServerStore;
      readonly alter: (sql: string) => Promise<unknown>;
      readonly again: () => ServerStore;
    }> => {
      if (stores === undefined) {
        const path = join(folder, `${(files += 1)}.db`);
        const alter = async (sql: string): Promise<void> => {
          const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
          const db = new DatabaseSync(path);
          db.exec(sql);
          db.close();
        };
        return { store: sqliteStore(path), alter, again: () => sqliteStore(path) };
      }
      const schema = stores.newSchema();
      const client = await stores.client();
      const again = (): ServerStore => postgresStore({ connectionString: stores?.server.url() as string, schema, queue: false });
      const alter = async (sql: string): Promise<void> => void (await client.query(`SET search_path TO ${schema}; ${sql}`));
      return { store: again(), alter, again };
    };

    const ATTACKS: Readonly<Record<string, string>> = {
      deleted: `DELETE FROM record WHERE kind = 'halt'`,
      'taken for one that is over': `UPDATE record SET index1 = 'ended' WHERE kind = 'halt'`,
      'of another agent': `UPDATE record SET body = replace(body, 'bad', 'someone') WHERE kind = 'halt'`,
      'with another version': `UPDATE record SET version = version + 1 WHERE kind = 'halt'`,
      'without its signature': `UPDATE record SET mac = NULL WHERE kind = 'halt'`,
      'beside one that is forged': `INSERT INTO record (tenant_id, kind, id, version, index1, created_at, body${here === postgres ? ', stamp' : ''})
        VALUES ('default', 'halt', 'halt_forged', 1, 'standing', 1, '{"scope":{"agentId":"x"},"pending":"freeze","by":"a","reason":"r"}'${here === postgres ? `, 'w'` : ''})`,
      'with fewer changes than there were': `UPDATE gate SET halts = 0`,
      'with no changes at all': `DELETE FROM gate`,
      'deleted with the list of them': `DELETE FROM record WHERE kind = 'halt'; DELETE FROM record_head WHERE kind = 'halt'`,
    };

    it('by SQL without the key: the halted agent never runs again, and no other does within 6 seconds', async () => {
      const found = await Promise.all(
        Object.entries(ATTACKS).map(async ([what, sql]) => {
          const { store, alter, again } = await made();
          const world = await worldOn(store);
          closing.push(async () => world.aegis.close());
          await world.aegis.halts.halt({ agentId: 'bad' }, ORDER);
          expect([await world.call('bad'), await world.call('good')]).to.deep.equal(['halted', 'ran']);
          await alter(sql);
          const { wentOnMs, bad, last } = await watched(world);
          // and one that begins then knows nothing of before
          const later = await worldOn(again());
          closing.push(async () => later.aegis.close());
          return { what, wentOnMs, bad, last, later: await later.call('bad') };
        }),
      );
      const wrong = found.filter(
        ({ wentOnMs, bad, last, later }) => bad > 0 || last !== 'halt_unknown' || wentOnMs > DENIES_MS * slower() || later === 'ran',
      );
      counted({
        what: `the rows of halts changed by SQL, ${here.name}: the halted agent never runs, nothing does after 6 s`,
        cases: found.length,
        wrong: wrong.length,
        beside: { 'longest (ms)': Math.round(Math.max(...found.map(({ wentOnMs }) => wentOnMs))) },
      });
      expect(wrong).to.deep.equal([]);
    });

    if (here === sqlite)
      it('because the file is no longer where other processes write: nothing runs within 6 seconds', async () => {
        const found = await Promise.all(
          Object.entries(FILE_CHANGES).map(async ([what, change]) => {
            const path = join(folder, `${(files += 1)}.db`);
            const world = await worldOn(sqliteStore(path));
            closing.push(async () => world.aegis.close().catch(() => {}));
            await world.aegis.halts.halt({ agentId: 'bad' }, ORDER);
            change(path);
            return { what, ...(await watched(world)) };
          }),
        );
        const wrong = found.filter(({ wentOnMs, bad, last }) => bad > 0 || last !== 'halt_unknown' || wentOnMs > DENIES_MS * slower());
        counted({
          what: 'the file of a SQLite store is moved away, deleted, replaced or unreadable: nothing runs after 6 s',
          cases: found.length,
          wrong: wrong.length,
          beside: { 'longest (ms)': Math.round(Math.max(...found.map(({ wentOnMs }) => wentOnMs))) },
        });
        expect(wrong).to.deep.equal([]);
      });
    else
      for (const [how, shiftMs] of [
        ['refuses connections', 0],
        ['refuses connections', HOUR_MS],
        ['hangs', -HOUR_MS],
      ] as const)
        it(`because the server ${how}, with a wall clock that jumps by ${shiftMs / HOUR_MS} h: nothing runs within 6 seconds, and all goes on when it is back`, async () => {
          const proxy = await PostgresProxy.start((stores as PostgresStores).server.port);
          closing.push(() => proxy.close());
          const connectionString = proxy.through((stores as PostgresStores).server.url());
          const schema = (stores as PostgresStores).newSchema();
          const world = await worldOn(postgresStore({ connectionString, schema, queue: false }), {});
          closing.push(async () => world.aegis.close({ graceMs: 0 }));
          await world.aegis.halts.halt({ agentId: 'bad' }, ORDER);
          expect([await world.call('bad'), await world.call('good')]).to.deep.equal(['halted', 'ran']);
          const real = Date.now;
          closing.push(() => (Date.now = real));
          if (how === 'hangs') proxy.stall();
          else proxy.refuse();
          Date.now = () => real() + shiftMs;
          const { wentOnMs, bad, last } = await watched(world);
          // only time that has passed can be too long
          const wrong = bad > 0 || last !== 'halt_unknown' || wentOnMs > (shiftMs > 0 ? 1_000 : DENIES_MS) * slower();
          counted({
            what: `a Postgres server that ${how}, with a clock that jumps by ${shiftMs / HOUR_MS} h: nothing runs after 6 s`,
            cases: 1,
            wrong: Number(wrong),
            beside: { 'went on (ms)': Math.round(wentOnMs) },
          });
          expect({ bad, last, wrong }).to.deep.equal({ bad: 0, last: 'halt_unknown', wrong: false });
          if (how === 'hangs') proxy.goOn();
          else proxy.allow();
          for (let tries = 0; (await world.call('good')) !== 'ran' && tries < 500; tries++) await sleep(50);
          expect([await world.call('good'), await world.call('bad')]).to.deep.equal(['ran', 'halted']);
        });

    it('with a wall clock that jumps while all is well: the next call reads once, and goes on', async () => {
      const { store } = await made();
      const world = await worldOn(store, {});
      closing.push(async () => world.aegis.close());
      await world.aegis.halts.halt({ agentId: 'bad' }, ORDER);
      const real = Date.now;
      closing.push(() => (Date.now = real));
      for (const shiftMs of [HOUR_MS, -HOUR_MS, 2 * HOUR_MS, 0]) {
        Date.now = () => real() + shiftMs;
        expect([await world.call('good'), await world.call('bad')], String(shiftMs)).to.deep.equal(['ran', 'halted']);
      }
    });
  });
