// The CPU of a decision at a Data Plane beside that at the policy servers that install from npm: the same number of policies, the same client, in turns. Ours
// checks a key, limits, copies and has each decision in a file before its answer; theirs do none of that.
import { median } from './compare.js';
import { report, type Figure } from './figure.js';
import { connections, load } from './load.js';
import { cerbosServer } from './peers/cerbosServer.js';
import { opaServer } from './peers/opaServer.js';
import { RunningPeer, type PeerServer } from './peers/PeerServer.js';
import { RawConnection, rawRequest } from './RawConnection.js';
import { Server } from './Server.js';

const isLong = process.argv.includes('--long');
const POLICIES = isLong ? 8_000 : 1_000;
const CONNECTIONS = 64;
const WARM_MS = isLong ? 3_000 : 1_500;
const [WINDOWS, WINDOW_MS] = isLong ? [9, 700] : [4, 400];

/** A peer, and what our CPU may be of its own. Both were half of that when this was written, so that more fails the run. */
const PEERS: readonly (readonly [PeerServer, atMost: number])[] = [
  [cerbosServer, 0.25],
  [opaServer, 0.667],
];

/** A server that is asked in turns with the others. */
interface Side {
  readonly name: string;
  readonly open: readonly RawConnection[];
  readonly requests: readonly Buffer[];
  cpuUs(): Promise<number>;
  readonly cpu: number[];
  readonly rates: number[];
}

const there = PEERS.filter(([peer]) => RunningPeer.isThere(peer));
for (const [{ name }] of PEERS.filter((one) => !there.includes(one)))
  console.error(`server: ${name} is skipped, it is not installed (64-bit Linux only); run: npm ci --prefix bench/peers`);
report(there.length === 0 ? [] : await measure());

async function measure(): Promise<readonly Figure[]> {
  const plane = await Server.start('plane', POLICIES, CONNECTIONS);
  const running: RunningPeer[] = [];
  try {
    for (const [peer] of there) running.push(await RunningPeer.start(peer, POLICIES));
    const ours = await ourSide(plane);
    const theirs = await Promise.all(running.map(sideOf));
    const sides = [ours, ...theirs];
    for (const { open, requests } of sides) await load(open, requests, WARM_MS);
    for (let window = 0; window < WINDOWS; window++)
      for (const side of window % 2 === 0 ? sides : [...sides].reverse()) {
        const before = await side.cpuUs();
        const { perSecond, answered } = await load(side.open, side.requests, WINDOW_MS);
        side.cpu.push(((await side.cpuUs()) - before) / answered);
        side.rates.push(perSecond);
      }
    for (const { open } of sides) for (const one of open) one.close();
    return theirs.map((side, i) => figureOf(ours, side, running[i] as RunningPeer, there[i] as (typeof there)[0]));
  } finally {
    await plane.stop();
    for (const one of running) await one.stop();
  }
}

function figureOf(ours: Side, side: Side, peer: RunningPeer, [, atMost]: (typeof PEERS)[0]): Figure {
  const perSecond = ({ rates }: Side): string => `${Math.round(median(rates)).toLocaleString('en')}/s`;
  return {
    name: `server: CPU of a decision, with its key and a record on disk ÷ that of ${side.name}, which has neither`,
    value: median(ours.cpu.map((us, i) => us / (side.cpu[i] as number))),
    unit: '×',
    goal: { atMost },
    limit: { atMost },
    note: `${median(ours.cpu).toFixed(0)} µs against ${median(side.cpu).toFixed(0)}, ${perSecond(ours)} against ${perSecond(side)}, ${POLICIES.toLocaleString('en')} policies each; it has ${peer.rssMb().toFixed(0)} MB`,
  };
}

async function ourSide(plane: Server): Promise<Side> {
  const call = (amount: number): object => ({
    agent_id: 'bench',
    tool: { name: 'pay', params: { amount, to: 'ann@example.com', memo: 'a refund' } },
    session: null,
  });
  return {
    name: 'ours',
    open: await connections(plane.port, CONNECTIONS),
    requests: plane.keys.map((key, i) => rawRequest('/v1/decision', key, call(i % 8))),
    cpuUs: async () => (await plane.order('usage')).cpuUs ?? 0,
    cpu: [],
    rates: [],
  };
}

/** Checks that the peer decides as ours does before it is timed. */
async function sideOf(peer: RunningPeer): Promise<Side> {
  const { path, body, allows } = peer.server;
  const requestFor = (amount: number): Buffer => rawRequest(path, 'none', body(amount));
  const probe = await RawConnection.open(peer.port);
  for (const [amount, wanted] of [
    [7, true],
    [2_000_000, false],
  ] as const) {
    const answer = await probe.send(requestFor(amount));
    if (answer.status !== 200 || allows(answer.body) !== wanted) throw new Error(`${peer.name} answers ${answer.status}: ${answer.body}`);
  }
  probe.close();
  return {
    name: peer.name,
    open: await connections(peer.port, CONNECTIONS),
    requests: Array.from({ length: CONNECTIONS }, (_, i) => requestFor(i % 8)),
    cpuUs: async () => peer.cpuUs(),
    cpu: [],
    rates: [],
  };
}
