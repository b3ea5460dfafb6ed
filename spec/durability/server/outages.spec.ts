import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { counted } from '../../support/assurance.js';
import { postgresServer } from '../../support/postgresServer.js';
import type { PostgresServer } from '../../support/postgresServer.js';
import { PostgresStores } from '../../support/postgresStores.js';
import type { Member } from '../crew.js';
import { ServedScene } from './ServedScene.js';
import type { SceneEnd } from './ServedScene.js';

const CALLS = 40;
const HOUR_MS = 3_600_000;

interface Outage {
  /** What goes wrong while calls are asked, decided and run. */
  readonly happens: (scene: ServedScene, servers: readonly Member[], stores: PostgresStores) => Promise<void>;
  /** By how much the clock of each server is wrong, in milliseconds. */
  readonly shiftsMs?: readonly number[];
}

/** Two servers on one PostgreSQL, an agent at each of them, and a person who decides beside them: each server has to hear of it. */
const OUTAGES: Readonly<Record<string, Outage>> = {
  'PostgreSQL is stopped as if its power failed, and started again': {
    happens: async (_scene, _servers, { server }) => {
      await server.restart();
    },
  },
  'the connections on which servers hear of changes are cut, again and again': {
    async happens(_scene, _servers, stores) {
      const client = await stores.client();
      for (let i = 0; i < 8; i++, await sleep(150))
        await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query LIKE 'SELECT 1%'`);
    },
  },
  'one of them stands still for a while': { happens: (scene, [stopped]) => scene.crew.pause(stopped as Member, 3_000) },
  'their clocks are two hours apart': { happens: async () => {}, shiftsMs: [HOUR_MS, -HOUR_MS] },
};

describe('Two servers on one PostgreSQL', () => {
  let stores: PostgresStores | undefined;
  let played = 0;
  let wrong = 0;
  before(async function () {
    const server: PostgresServer = await postgresServer(this);
    if (!server.own) return this.skip();
    stores = new PostgresStores(server);
  });
  after(async () => {
    if (played > 0)
      counted({ what: 'outages around two servers under load: nothing lost, nothing run twice or unapproved', cases: played, wrong });
    await stores?.end();
  });

  for (const [what, { happens, shiftsMs = [0, 0] }] of Object.entries(OUTAGES))
    it(`settle every approval, once, though ${what}`, async () => {
      const own = stores as PostgresStores;
      const scene = await ServedScene.open({ kind: 'postgres', at: own.server.url(), schema: own.newSchema(), queue: false }, 2);
      let end: SceneEnd;
      let drained: boolean;
      try {
        const shifted = ['--import', new URL('../shiftedClock.js', import.meta.url).href];
        const servers = shiftsMs.map((ms, lane) => scene.server(lane, {}, shifted, { AEGIS_SPEC_SHIFT_MS: String(ms) }));
        await Promise.all(servers.map(({ ready }) => ready));
        const agents = [await scene.agent(0, { retries: 8 }), await scene.agent(1, { retries: 8 })];
        scene.decide({ over: 'store', denyEvery: 17 });
        const asking = (async () => {
          for (let n = 0; n < CALLS; n++, await sleep(30)) agents[n % 2]?.member.tell({ do: 'ask', ns: [n] });
        })();
        await sleep(300);
        await happens(scene, servers, own);
        await asking;
        drained = await scene.drained();
        end = await scene.end();
      } finally {
        await scene.close();
      }
      played += 1;
      wrong += end.faults.length;
      expect(end.faults, end.told).to.deep.equal([]);
      expect(drained, end.told).to.equal(true);
      const { opened, starts, denied } = end.counts;
      expect(starts + denied, end.told)
        .to.equal(opened)
        .and.above(CALLS / 4);
    }).timeout(120_000);
});
