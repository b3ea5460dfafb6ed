// The servers of server.bench.ts, each in a process of its own: `constant` answers every decision with the same bytes, `plane` is the Data Plane, `logged` one
// with an audit log and `unlogged` one without.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, open } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { AegisModule } from 'aegislib';
import { AuditKey, auditLog, jsonlFolder } from 'aegislib/audit';
import { createDataPlane, type BeforeAnswer } from 'aegislib/server';
import { MemoryStateStore } from 'aegislib/store';
import { policySet } from './servedPolicies.js';

/** What a server process is asked to do. */
export interface Order {
  readonly what: 'usage' | 'event' | 'approve' | 'change' | 'stop';
  readonly decisionId?: string;
}

/** What it answers. */
export interface Report {
  readonly cpuUs?: number;
  readonly rssMb?: number;
  /** When the approval was given, in epoch milliseconds. */
  readonly atMs?: number;
  /** The longest that the event loop was held, in milliseconds: on the processor, and by the clock. */
  readonly heldMs?: number;
  readonly delayedMs?: number;
  readonly tookMs?: number;
}

/** The first message of a server process. */
export interface Started {
  readonly port: number;
  readonly keys: readonly string[];
}

const [kind = '', count = '0', keys = '0', storeKind = 'memory'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
const orders = kind === 'constant' ? constant() : kind === 'plane' ? await plane() : await logged(kind === 'logged');
process.once('disconnect', () => stop());
process.on('message', (order: Order) => {
  void (async () => process.send?.(await answer(order)))();
});

async function answer(order: Order): Promise<Report> {
  if (order.what !== 'usage') return orders(order);
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, rssMb: process.memoryUsage().rss / 1e6 };
}

type Orders = (order: Order) => Promise<Report>;

function constant(): Orders {
  const body = JSON.stringify({
    request_id: 'r'.repeat(36),
    tenant_id: 'default',
    agent_id: 'bench',
    decision_id: 'd'.repeat(32),
    tool: 'pay',
    final_decision: { effect: 'allow', reason: null, sanitize: null, violations: null, approval_id: null },
    latency_ms: 0,
  });
  const listeners = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      listeners.add(response);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      return;
    }
    request.resume();
    request.on('end', () =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body),
    );
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port, keys: [] } satisfies Started));
  const event = `id: 1\nevent: status\ndata: ${body}\n\n`;
  return async ({ what }) => {
    if (what === 'event') for (const listener of listeners) listener.write(event);
    if (what === 'stop') stop();
    return {};
  };
}

async function plane(): Promise<Orders> {
  const policies = join(folder, 'bench.cedar');
  writeFileSync(policies, policySet(Number(count), 0));
  const sqlite = storeKind === 'sqlite' ? (await import('aegislib/sqlite')).sqliteStore(join(folder, 'aegis.db')) : undefined;
  const store = sqlite ?? new MemoryStateStore();
  const stateKey = createHash('sha256').update(folder).digest('hex');
  const module = AegisModule.create({
    policies: folder,
    watch: false,
    agentId: 'bench',
    store,
    stateKey,
    env: false,
  });
  const server = createDataPlane({ module, store, stateKey, beforeAnswer: await recorded() });
  const { port } = await server.listen({ port: 0 });
  const made = await Promise.all(
    Array.from({ length: Number(keys) }, async (_, i) => (await server.createKey({ name: `bench ${i}`, scopes: ['decide'] })).key.reveal()),
  );
  process.send?.({ port, keys: made } satisfies Started);
  let round = 0;
  return async ({ what, decisionId = '' }) => {
    if (what === 'approve') {
      const atMs = performance.timeOrigin + performance.now();
      const request = await module.approvals.get(decisionId);
      if (request === undefined) throw new Error(`there is no approval ${decisionId}`);
      await module.approvals.approve(decisionId, { by: 'ann', digest: request.digest });
      return { atMs };
    }
    if (what === 'change') {
      round += 1;
      writeFileSync(policies, policySet(Number(count), round));
      return held(async () => {
        const { status } = await module.policies.reload();
        if (status !== 'applied') throw new Error(`the bench changes its policies wrongly: ${status}`);
      });
    }
    if (what === 'stop') {
      await server.close({ idleMs: 0, graceMs: 0 });
      await module.close();
      stop();
    }
    return {};
  };
}

/** A Data Plane with its audit log in a folder, in `required`; or without one. */
async function logged(isLogged: boolean): Promise<Orders> {
  const stateKey = createHash('sha256').update(folder).digest('hex');
  const log = auditLog({ sink: jsonlFolder(join(folder, 'audit')), origin: 'bench.example/plane', key: AuditKey.generate() });
  const options = { policies: { text: policySet(Number(count), 0) }, store: new MemoryStateStore(), stateKey };
  const server = createDataPlane({ ...options, audit: isLogged ? log : undefined });
  const { port } = await server.listen({ port: 0 });
  const made = await Promise.all(
    Array.from({ length: Number(keys) }, async (_, i) => (await server.createKey({ name: `bench ${i}`, scopes: ['decide'] })).key.reveal()),
  );
  process.send?.({ port, keys: made } satisfies Started);
  return async ({ what }) => {
    if (what === 'stop') {
      await server.close({ idleMs: 0, graceMs: 0 });
      stop();
    }
    return {};
  };
}

/** One line a decision in a plain file, on the disk before the answer leaves: one write for all of a turn, which returns once it is there. */
async function recorded(): Promise<BeforeAnswer> {
  // as an fdatasync after each write, without a second way to a thread and back
  const file = await open(join(folder, 'answers.jsonl'), constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY | constants.O_DSYNC);
  return async (batch) => {
    const lines = batch.map(({ requestId, tenantId, callerId, route, status, request, answer: said }) =>
      JSON.stringify({ at: Date.now(), requestId, tenantId, callerId, route, status, request, said }),
    );
    await file.write(`${lines.join('\n')}\n`);
  };
}

/** How long work holds the event loop. */
async function held(work: () => Promise<void>): Promise<Report> {
  let [longest, last, goesOn] = [0, onProcessorMs(), true];
  const turn = (): void => {
    const now = onProcessorMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (goesOn) setImmediate(turn);
  };
  setImmediate(turn);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const started = performance.now();
  await work();
  goesOn = false;
  delay.disable();
  return { heldMs: longest, delayedMs: delay.max / 1e6, tookMs: performance.now() - started };
}

/** Time of this thread on a processor, where the system tells it: other programs do not count. */
function onProcessorMs(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => { user: number; system: number } };
  if (threadCpuUsage === undefined) return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6;
  const { user, system } = threadCpuUsage.call(process);
  return (user + system) / 1e3;
}

function stop(): void {
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}
