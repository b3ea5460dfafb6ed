// What it costs to verify an audit log, and what of that is reading JSON and hashing, measured in turn on the same lines.
import { createHash } from 'node:crypto';
import { AegisModule, guard } from 'aegislib';
import { AuditKey, auditLog, MemorySink, verifyAudit } from 'aegislib/audit';
import { report } from './figure.js';

const CALLS = 20_000;
const ROUNDS = 5;

const sink = new MemorySink();
const log = auditLog({ sink, origin: 'bench.example/log', key: AuditKey.generate(), mode: 'best-effort', maxQueued: 1_000_000 });
const module = AegisModule.create({
  policies: { text: '@id("all") permit (principal, action, resource);' },
  agentId: 'bench',
  journal: log,
});
const send = guard(async (mail: object) => mail, { module, toolName: 'send', params: ['mail'], approval: 'wait' });
for (let i = 0; i < CALLS; i += 20)
  await Promise.all(Array.from({ length: 20 }, (_, j) => send({ to: `user${i + j}@example.com`, subject: 'Your order', cents: i })));
await module.close();
await log.close();

const lines: string[] = [];
for await (const part of sink.source.lines('w0')) lines.push(...part);

/** CPU of a piece of work for each record, in microseconds. */
async function cpuOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / lines.length;
}

/** The least that any verification does: each record is read, and hashed as a leaf and in a node. */
function floor(): number {
  let read = 0;
  const node = Buffer.alloc(65);
  for (const line of lines) {
    read += Object.keys(JSON.parse(line) as object).length;
    createHash('sha256').update(`\0${line}`).digest();
    createHash('sha256').update(node).digest();
  }
  return read;
}

async function verify(openings: boolean): Promise<void> {
  const { integrity, law, counts } = await verifyAudit(sink.source, { openings });
  if (!integrity.ok || !law.ok || counts.runs !== CALLS) throw new Error('the bench verifies wrongly');
}

const [costs, openedCosts, ratios]: [number[], number[], number[]] = [[], [], []];
for (let round = -1; round < ROUNDS; round++) {
  const bare = await cpuOf(floor);
  const cost = await cpuOf(() => verify(false));
  const opened = await cpuOf(() => verify(true));
  if (round < 0) continue;
  costs.push(cost);
  openedCosts.push(opened);
  ratios.push(cost / bare);
}

report([
  { name: 'audit log verified, records a second of one core', value: 1e6 / Math.min(...costs), unit: '/s', goal: { atLeast: 150_000 } },
  { name: 'the same with openings compared', value: 1e6 / Math.min(...openedCosts), unit: '/s' },
  { name: 'audit log verified ÷ each record read as JSON and hashed twice', value: Math.min(...ratios), unit: '×', goal: { atMost: 2 } },
]);
