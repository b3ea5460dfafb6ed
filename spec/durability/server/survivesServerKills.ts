import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalDigest } from '../../../lib/common/data/canonical.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { counted } from '../../support/assurance.js';
import { slower } from '../../support/pace.js';
import { until } from '../../support/until.js';
import type { StoreHere } from '../stores.js';
import { ServedScene } from './ServedScene.js';
import type { ServerKillPoint } from './serverKillPoints.js';

type Kind = 'approved' | 'cancelled' | 'brief';
const STATUS = { approved: 'approved', cancelled: 'withdrawn', brief: 'expired' } as const;

/**
 * The way of a call backwards: what is left over of one call goes on at the next server, and comes by no point at which that one is to die.
 * `brief` calls are left alone until they are over, `cancelled` ones are taken back.
 */
const POINTS: readonly (readonly [point: ServerKillPoint, kind: Kind])[] = [
  ['after-begin', 'approved'],
  ['before-begin', 'approved'],
  ['after-consume', 'approved'],
  ['before-consume', 'approved'],
  ['after-verdict', 'approved'],
  ['before-verdict', 'approved'],
  ['before-answer', 'approved'],
  ['after-open', 'approved'],
  ['before-open', 'approved'],
  ['after-withdraw', 'cancelled'],
  ['before-withdraw', 'cancelled'],
  ['after-expire', 'brief'],
  ['before-expire', 'brief'],
  ['draining', 'approved'],
];

const CANCELLED = 100;
const BRIEF = 200;
/** Each lane has a store of its own, and waits most of the time. */
const LANES = 4;
/** How long a server may live that is to die, on a quiet machine. */
const DEATH_MS = 20_000;

interface PointEnd {
  readonly died: boolean;
  readonly record: ApprovalRecord | undefined;
  /** Whether no server was back in time for its agent, which has no approval then. */
  readonly refused: boolean;
  readonly told: string;
}

/** The specs of one store: a server dies at each point of what it does, and the next one takes its place. */
export function survivesServerKills(store: StoreHere): void {
  describe(`A server that dies at every point, on ${store.name}`, () => {
    const ends = new Map<ServerKillPoint, PointEnd>();
    const faults: string[] = [];
    before(async function () {
      await store.start(this);
      this.timeout(300_000);
      await Promise.all(Array.from({ length: LANES }, (_, lane) => play(POINTS.filter((_point, i) => i % LANES === lane))));
    });
    after(async () => {
      if (ends.size > 0) {
        const what = `a server killed at each point of what it does, ${store.name}: nothing lost, nothing run twice or unapproved`;
        counted({ what, cases: ends.size, wrong: faults.length });
      }
      await store.end();
    });

    async function play(points: typeof POINTS): Promise<void> {
      const scene = await ServedScene.open(store.make());
      try {
        scene.decide({ over: 'http', leaves: ({ params }) => Number(params['n']) >= CANCELLED });
        const patient = await scene.agent(0, { retries: 8 });
        const brief = points.some(([, kind]) => kind === 'brief')
          ? await scene.agent(0, { retries: 8, approvalTimeoutMs: 1_000 })
          : patient;
        const died = new Set<ServerKillPoint>();
        for (const [point, kind] of points) {
          const server = scene.server(0, { point });
          await server.ready;
          await scene.drained();
          const { member } = kind === 'brief' ? brief : patient;
          const n = numberOf(point, kind);
          member.tell({ do: 'ask', ns: [n] });
          if (kind === 'cancelled') {
            await opened(scene, n);
            member.tell({ do: 'cancel', ns: [n] });
          }
          if (point === 'draining') {
            await opened(scene, n);
            server.child.kill('SIGTERM');
          }
          await Promise.race([server.gone, sleep(DEATH_MS * slower(), undefined, { ref: false })]);
          if (server.child.signalCode === 'SIGKILL') died.add(point);
          await scene.crew.kill(server);
        }
        await scene.server(0).ready;
        await scene.drained();
        await until(async () => (await scene.approvals.list({ status: 'pending' })).every(({ params }) => !isCancelled(params)));
        const end = await scene.end();
        faults.push(...end.faults);
        for (const [point, kind] of points) {
          const digest = canonicalDigest({ n: numberOf(point, kind) });
          const record = end.records.find(({ originalDigest }) => originalDigest === digest);
          const refused = end.refused.has(String(numberOf(point, kind)));
          ends.set(point, { died: died.has(point), record, refused, told: [...end.faults, end.told].join('\n') });
        }
      } finally {
        await scene.close();
      }
    }

    for (const [point, kind] of POINTS)
      it(`leaves a call that is ${kind} as it should be when its server dies ${point}`, () => {
        const { died, record, refused, told } = ends.get(point) as PointEnd;
        const used = kind === 'approved' && !refused;
        // what was refused may have been asked all the same: before its agent heard of it
        const status = refused ? statusOf(record) : STATUS[kind];
        const expected = { died: true, status, consumed: used, begun: used };
        const found = { died, status: statusOf(record), consumed: record?.consumed !== undefined, begun: record?.begun !== undefined };
        expect(found, told).to.deep.equal(expected);
      });

    it('loses nothing that was acknowledged, and lets nothing run twice or unapproved', () => expect(faults).to.deep.equal([]));
  });
}

/** As the server tells it: what is over is expired before that is written down. */
function statusOf(record: ApprovalRecord | undefined): ApprovalRecord['status'] | undefined {
  return record?.status === 'pending' && record.expiresAtMs <= Date.now() ? 'expired' : record?.status;
}

function isCancelled({ n }: ApprovalRecord['params']): boolean {
  return Number(n) >= CANCELLED && Number(n) < BRIEF;
}

/** Of the call of a point: the only one with it. */
function numberOf(point: ServerKillPoint, kind: Kind): number {
  return POINTS.findIndex(([other]) => other === point) + { approved: 0, cancelled: CANCELLED, brief: BRIEF }[kind];
}

async function opened({ crew }: ServedScene, n: number): Promise<void> {
  for (const end = performance.now() + DEATH_MS * slower(); performance.now() < end; await sleep(20))
    if (crew.history.lines().some((line) => line.startsWith('opened ') && line.split(' ')[2] === String(n))) return;
}
