// What a Data Plane costs over a bare node:http server that answers with the same bytes, both asked by the same client in turns: decisions with an audit
// line on disk before each answer, approvals, events. `npm run bench` runs a short form, `npm run bench -- server` all of it.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './compare.js';
import { report, type Figure } from './figure.js';
import { connections, load, quantile } from './load.js';
import { RawConnection, rawRequest } from './RawConnection.js';
import type { Report } from './served.js';
import { Server } from './Server.js';
import { ASKED } from './servedPolicies.js';

const isLong = process.argv.includes('--long');
const POLICIES = isLong ? 8_000 : 1_000;
const CONNECTIONS = 64;
/** Until its code is compiled, the server takes several times as long. */
const WARM_MS = isLong ? 8_000 : 2_500;
const [WINDOWS, WINDOW_MS] = isLong ? [12, 700] : [4, 400];
const PENDING = isLong ? 10_000 : 1_000;
const APPROVED = isLong ? 200 : 40;
const LISTENERS = isLong ? 1_000 : 200;
const EVENTS = isLong ? 40 : 10;
/** A key may have ten streams, and 4,000 requests at once. */
const KEYS = Math.max(CONNECTIONS, LISTENERS / 10);
const CLIENT = { 'X-AEGIS-CAPABILITIES': 'effective-digest,consume,begin,reevaluate', 'X-AEGIS-BINDING': 'b'.repeat(64) };

/** How many calls for approvals were made: no two are the same. */
let calls = 0;
const constant = await Server.start('constant');
const figures: Figure[] = [];
{
  const plane = await Server.start('plane', POLICIES, KEYS);
  figures.push(...(await decisions(plane)));
  if (isLong) figures.push(await change(plane));
  figures.push(...(await handovers(plane)), ...(await events(plane)));
  const { rssMb = 0 } = await plane.order('usage');
  figures.push({
    name: `server: memory after all of this, ${POLICIES.toLocaleString('en')} policies`,
    value: rssMb,
    unit: 'MB',
    goal: { atMost: 250 },
    limit: { atMost: 400 },
  });
  await plane.stop();
}
{
  const sides = [await Server.start('logged', POLICIES, KEYS), await Server.start('unlogged', POLICIES, KEYS)] as const;
  figures.push(...(await costOfLog(...sides)));
  for (const plane of sides) await plane.stop();
}
if (process.getBuiltinModule('node:sqlite') === undefined) console.error('server: SQLite is skipped, this Node has no node:sqlite');
else {
  const plane = await Server.start('plane', 50, KEYS, 'sqlite');
  figures.push(await openedBySqlite(plane));
  await plane.stop();
}
await constant.stop();
report(figures);

function callOf(tool: string, n: number): object {
  return { agent_id: 'bench', tool: { name: tool, params: { amount: n, to: 'ann@example.com', memo: 'a refund' } }, session: null };
}

/** What one of two servers did in each turn. */
interface Turns {
  readonly rates: number[];
  readonly p99s: number[];
  /** For a decision, in microseconds. */
  readonly cpu: number[];
}

/** Both servers take turns, so that what slows the machine slows both. */
async function inTurns(ours: Server, twin: Server): Promise<{ ours: Turns; twin: Turns; ratio(of: keyof Turns): number }> {
  const requestsTo = ({ keys }: Server): readonly Buffer[] =>
    Array.from({ length: CONNECTIONS }, (_, i) => rawRequest('/v1/decision', (keys[i] ?? ours.keys[i]) as string, callOf('pay', i % 8)));
  const sides = await Promise.all(
    [ours, twin].map(async (server) => ({
      server,
      requests: requestsTo(server),
      open: await connections(server.port, CONNECTIONS),
      rates: [] as number[],
      p99s: [] as number[],
      cpu: [] as number[],
    })),
  );
  for (const { open, requests } of sides) await load(open, requests, WARM_MS);
  for (let window = 0; window < WINDOWS; window++)
    for (const side of window % 2 === 0 ? sides : [...sides].reverse()) {
      const before = await side.server.order('usage');
      const { perSecond, p99Ms, answered } = await load(side.open, side.requests, WINDOW_MS);
      const after = await side.server.order('usage');
      side.rates.push(perSecond);
      side.p99s.push(p99Ms);
      side.cpu.push(((after.cpuUs ?? 0) - (before.cpuUs ?? 0)) / answered);
    }
  for (const { open } of sides) for (const one of open) one.close();
  const [first, second] = sides as [(typeof sides)[0], (typeof sides)[0]];
  return { ours: first, twin: second, ratio: (of) => median(first[of].map((value, i) => value / (second[of][i] as number))) };
}

function perSecond(values: readonly number[]): string {
  return `${Math.round(median(values)).toLocaleString('en')}/s`;
}

/** Decisions with the audit log, each durable before its answer, beside the same server without one. */
async function costOfLog(withLog: Server, without: Server): Promise<readonly Figure[]> {
  const { ours, twin, ratio } = await inTurns(withLog, without);
  return [
    {
      name: `server: decisions with the audit log ÷ without, ${CONNECTIONS} connections`,
      value: ratio('rates'),
      unit: '×',
      // how long the disk takes decides it on a slow one
      limit: { atLeast: 0.05 },
      note: `${perSecond(ours.rates)} against ${perSecond(twin.rates)}; p99 ${median(ours.p99s).toFixed(1)} ms against ${median(twin.p99s).toFixed(1)}`,
    },
    {
      name: 'server: CPU of a decision with the audit log ÷ without',
      value: ratio('cpu'),
      unit: '×',
      limit: { atMost: 4 },
      note: `${median(ours.cpu).toFixed(0)} µs against ${median(twin.cpu).toFixed(0)}`,
    },
  ];
}

async function decisions(plane: Server): Promise<readonly Figure[]> {
  const { ours, twin, ratio } = await inTurns(plane, constant);
  return [
    {
      name: `server: decisions on disk before the answer ÷ constant answers, ${CONNECTIONS} connections`,
      value: ratio('rates'),
      unit: '×',
      goal: { atLeast: 0.6 },
      // how long the disk takes decides it on a slow one, so that the CPU is held closer
      limit: { atLeast: 0.05 },
      note: `${perSecond(ours.rates)} against ${perSecond(twin.rates)}, ${POLICIES.toLocaleString('en')} policies`,
    },
    {
      name: 'server: p99 of these decisions ÷ that of constant answers',
      value: ratio('p99s'),
      unit: '×',
      note: `${median(ours.p99s).toFixed(1)} ms against ${median(twin.p99s).toFixed(1)}`,
    },
    {
      name: 'server: CPU of these decisions ÷ that of constant answers',
      value: ratio('cpu'),
      unit: '×',
      goal: { atMost: 3 },
      limit: { atMost: 7 },
      note: `${median(ours.cpu).toFixed(0)} µs against ${median(twin.cpu).toFixed(0)}`,
    },
  ];
}

/** Every policy but 30 changes, while four programs go on asking. */
async function change(plane: Server): Promise<Figure> {
  const rounds: Report[] = [];
  const waits: number[] = [];
  const open = await connections(plane.port, 4);
  let goesOn = true;
  const asking = open.map(async (connection, i) => {
    const request = rawRequest('/v1/decision', plane.keys[i] as string, callOf('pay', i));
    while (goesOn) {
      const sent = performance.now();
      await connection.send(request);
      waits.push(performance.now() - sent);
      await sleep(2);
    }
  });
  for (let round = 0; round < 3; round++) rounds.push(await plane.order('change'));
  goesOn = false;
  await Promise.all(asking);
  for (const one of open) one.close();
  return {
    name: `server: a change of ${POLICIES.toLocaleString('en')} policies holds decisions for at most`,
    value: median(rounds.map(({ heldMs = Infinity }) => heldMs)),
    unit: 'ms',
    goal: { atMost: 30 },
    note: `in force after ${(median(rounds.map(({ tookMs = 0 }) => tookMs)) / 1_000).toFixed(1)} s; by the clock of a busy machine, p99 of decisions meanwhile ${quantile(waits, 0.99).toFixed(0)} ms`,
  };
}

/** A yes at the server until the client may enter its method: event, decision anew, use of the approval, begin. */
async function handovers(plane: Server): Promise<readonly Figure[]> {
  const ids = await opened(plane, PENDING);
  const key = plane.keys[0] as string;
  const approved = new Map<string, () => void>();
  const stream = await listen(plane.port, key, (text) => {
    for (const [, id = ''] of text.matchAll(/"decision_id":"([^"]+)","status":"OK","effect":"allow"/g)) approved.get(id)?.();
  });
  const connection = await RawConnection.open(plane.port);
  const post = async (path: string, body: object): Promise<string> => {
    const request = rawRequest(path, key, body, CLIENT);
    let answer = await connection.send(request);
    for (; answer.status === 503; answer = await connection.send(request)) await sleep(20);
    if (answer.status !== 200) throw new Error(`${path} is answered ${answer.status}: ${answer.body}`);
    return answer.body;
  };
  const waits: number[] = [];
  const step = Math.floor(ids.length / APPROVED);
  for (let i = 0; i < APPROVED; i++) {
    const { id, n, call } = ids[i * step] as (typeof ids)[0];
    const told = new Promise<void>((resolve) => approved.set(id, resolve));
    const { atMs = 0 } = await plane.order('approve', id);
    await told;
    await post(`/v1/decision/${id}/reevaluate`, call);
    const { consumed } = JSON.parse(
      await post(`/v1/decision/${id}/consume`, { digest: digestOf(n), bindingBase: 'b'.repeat(64), token: id }),
    ) as {
      consumed: boolean;
    };
    const { begun } = JSON.parse(await post(`/v1/decision/${id}/begin`, { token: id, claimToken: 'claim' })) as { begun: boolean };
    if (!consumed || !begun) throw new Error('an approval is not to be had');
    waits.push(performance.timeOrigin + performance.now() - atMs);
  }
  stream.destroy();
  connection.close();
  return [
    {
      name: `server: yes → the client enters its method, p99, ${PENDING.toLocaleString('en')} pending over 20 tools`,
      value: quantile(waits, 0.99),
      unit: 'ms',
      goal: { atMost: 50 },
      // by the clock of a machine that may have other work
      limit: { atMost: 1_000 },
      note: `p50 ${quantile(waits, 0.5).toFixed(1)} ms, ${APPROVED} approvals; event, reevaluate, consume and begin, each on disk`,
    },
  ];
}

interface Opened {
  readonly id: string;
  readonly n: number;
  readonly call: object;
}

/** Opens approvals over the tools in turns, each for another call. */
async function opened(plane: Server, count: number): Promise<readonly Opened[]> {
  const open = await connections(plane.port, 32);
  const found: Opened[] = [];
  const end = calls + count;
  await Promise.all(
    open.map(async (connection, i) => {
      while (calls < end) {
        const n = calls++;
        const call = callOf(ASKED[n % ASKED.length] as string, n);
        const request = rawRequest('/v1/decision', plane.keys[i] as string, call, CLIENT);
        let { status, body } = await connection.send(request);
        for (; status === 503; { status, body } = await connection.send(request)) await sleep(20);
        const { decision_id: id, final_decision: final } = JSON.parse(body) as { decision_id: string; final_decision: { effect: string } };
        if (status !== 200 || final.effect !== 'approval_needed') throw new Error(`an approval is answered ${status}: ${body}`);
        found.push({ id, n, call });
      }
    }),
  );
  for (const one of open) one.close();
  return found;
}

/** Of the params, in their canonical form. */
function digestOf(n: number): string {
  return createHash('sha256')
    .update(JSON.stringify({ amount: n, memo: 'a refund', to: 'ann@example.com' }))
    .digest('hex');
}

/** CPU time of the server for one event to all of its listeners, against writes of as many bytes to as many plain answers. */
async function events(plane: Server): Promise<readonly Figure[]> {
  const ids = await opened(plane, EVENTS);
  const counts = { ours: 0, twin: 0 };
  const streams = [
    ...(await Promise.all(
      Array.from({ length: LISTENERS }, (_, i) =>
        listen(plane.port, plane.keys[Math.floor(i / 10)] as string, (text) => (counts.ours += text.split('event: status').length - 1)),
      ),
    )),
    ...(await Promise.all(
      Array.from({ length: LISTENERS }, () => listen(constant.port, '', (text) => (counts.twin += text.split('event: status').length - 1))),
    )),
  ];
  await sleep(200);
  const [ours, twin, last]: [number[], number[], number[]] = [[], [], []];
  const cpuOf = async (server: Server, of: 'ours' | 'twin', act: () => Promise<Report>): Promise<number> => {
    const { cpuUs: before = 0 } = await server.order('usage');
    const [all, start] = [counts[of] + LISTENERS, performance.now()];
    await act();
    while (counts[of] < all) {
      if (performance.now() - start > 10_000) throw new Error(`${counts[of] - all + LISTENERS} of ${LISTENERS} listeners got an event`);
      await sleep(1);
    }
    if (of === 'ours') last.push(performance.now() - start);
    const { cpuUs: after = 0 } = await server.order('usage');
    return (after - before) / 1_000;
  };
  for (const { id } of ids) {
    ours.push(await cpuOf(plane, 'ours', () => plane.order('approve', id)));
    twin.push(await cpuOf(constant, 'twin', () => constant.order('event')));
  }
  for (const stream of streams) stream.destroy();
  return [
    {
      name: `server: CPU of a verdict pushed to ${LISTENERS.toLocaleString('en')} listeners ÷ as many plain writes`,
      value: median(ours.map((ms, i) => ms / (twin[i] as number))),
      unit: '×',
      goal: { atMost: 2 },
      note: `${median(ours).toFixed(1)} ms against ${median(twin).toFixed(1)}; the last one has it after ${median(last).toFixed(0)} ms`,
    },
  ];
}

async function listen(port: number, key: string, onText: (text: string) => void): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('latin1');
  socket.write(rawRequest('/v1/events', key));
  const [head] = (await once(socket, 'data')) as [string];
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`the events are answered: ${head}`);
  socket.on('data', onText);
  return socket;
}

/** Approvals of many programs at once, each in the file before its answer, against commits of rows of that size by bare SQL. */
async function openedBySqlite(plane: Server): Promise<Figure> {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite');
  const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
  const bare = new DatabaseSync(join(folder, 'bare.db'));
  bare.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT) STRICT');
  const insert = bare.prepare('INSERT INTO row (body) VALUES (?)');
  const body = 'b'.repeat(2_000);
  const rounds = isLong ? 10 : 3;
  const [ours, twin]: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    const count = isLong ? 200 : 50;
    let start = performance.now();
    await opened(plane, count);
    const perSecond = count / ((performance.now() - start) / 1_000);
    start = performance.now();
    for (let i = 0; i < count; i++) insert.run(body);
    if (round < 0) continue;
    ours.push(perSecond);
    twin.push(count / ((performance.now() - start) / 1_000));
  }
  bare.close();
  rmSync(folder, { recursive: true, force: true });
  return {
    name: 'server: approvals opened on SQLite ÷ bare commits of such rows',
    value: median(ours.map((rate, i) => rate / (twin[i] as number))),
    unit: '×',
    // several share a commit: as many as one commit each would be are the least
    goal: { atLeast: 1 },
    limit: { atLeast: 0.1 },
    note: `${Math.round(median(ours)).toLocaleString('en')}/s against ${Math.round(median(twin)).toLocaleString('en')}/s`,
  };
}
