// The audit log: what a record costs, what a call pays for being told of, and how `required` compares with a bare write and fdatasync of the same bytes in the
// same groups, round by round in turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AegisModule, guard } from 'aegislib';
import { AuditKey, auditLog, jsonlFolder, MemorySink } from 'aegislib/audit';
import type { AuditLog, AuditLogOptions, AuditSink, NewRecord } from 'aegislib/audit';
import type { Figure } from './figure.js';
import { report } from './figure.js';

const CALLS = 20_000;
const key = AuditKey.generate();
const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-audit-'));
const figures: Figure[] = [];

function logTo(sink: AuditSink, options: Partial<AuditLogOptions> = {}): AuditLog {
  return auditLog({ sink, origin: 'bench.example/log', key, ...options });
}

/** A sink that keeps nothing: what is left is what the log itself does. */
class NowhereSink extends MemorySink {
  override append(): void {}
  override checkpoint(): void {}
}

/** CPU of a record, in microseconds: the same calls with a log and without, so that the calls themselves do not count. */
async function cpuOfRecord(): Promise<number> {
  const cpuOf = async (log: AuditLog | undefined): Promise<number> => {
    const journal = log === undefined ? {} : { journal: log };
    const module = AegisModule.create({ policies: { text: 'permit (principal, action, resource);' }, agentId: 'bench', ...journal });
    const send = guard(async (mail: object) => mail, { module, toolName: 'send', params: ['mail'], approval: 'wait' });
    const call = (i: number): Promise<object> =>
      send({ to: `user${i}@example.com`, subject: 'Your order', body: 'It was sent.', cents: i });
    for (let i = 0; i < 2_000; i++) await call(i);
    await log?.flush();
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS; i += 20) await Promise.all(Array.from({ length: 20 }, (_, j) => call(i + j)));
    await log?.flush();
    const { user, system } = process.cpuUsage(before);
    await module.close();
    await log?.close();
    return user + system;
  };
  const costs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const bare = await cpuOf(undefined);
    const sink = new NowhereSink();
    costs.push(((await cpuOf(logTo(sink, { mode: 'best-effort', maxQueued: 1_000_000 }))) - bare) / (3 * CALLS));
  }
  return Math.min(...costs);
}

/** What `note` costs in the call's own time, in microseconds. */
async function costOfNote(): Promise<number> {
  const log = logTo(new NowhereSink(), { mode: 'best-effort', maxQueued: 1_000_000 });
  await log.ready();
  const event = { kind: 'settled', agentId: 'a', toolName: 't', decisionId: 'd', outcome: 'completed' } as const;
  for (let i = 0; i < 20_000; i++) log.note(event);
  await log.flush();
  const start = performance.now();
  for (let i = 0; i < 100_000; i++) log.note(event);
  const us = ((performance.now() - start) * 1_000) / 100_000;
  await log.close();
  return us;
}

/** How fast records become durable in groups of that size, as a share of a bare write and fdatasync. */
async function shareOfBare(group: number, rounds: number): Promise<Figure> {
  const log = logTo(jsonlFolder(join(folder, `g${group}`)));
  await log.ready();
  const bare = await open(join(folder, `bare${group}`), 'a');
  const record = (i: number): NewRecord => ({
    kind: 'entering',
    decisionId: `dec_${i}`,
    agentId: 'bench',
    toolName: 'send',
    effective: key.publicKey.toString(),
  });
  const line = `${JSON.stringify({ v: 1, seq: 100_000, at: Date.now(), writer: 'w0', ...record(100_000) })}\n`;
  const bytes = Buffer.from(line.repeat(group));
  const ms = { log: 0, bare: 0 };
  for (let round = -5; round < rounds; round++) {
    let start = performance.now();
    await bare.write(bytes);
    await bare.datasync();
    const bareMs = performance.now() - start;
    start = performance.now();
    await Promise.all(Array.from({ length: group }, (_, i) => log.write(record(i))));
    const logMs = performance.now() - start;
    if (round < 0) continue;
    ms.bare += bareMs;
    ms.log += logMs;
  }
  await log.close();
  await bare.close();
  return {
    name: `records in groups of ${group}, made durable, against a bare write and fdatasync`,
    value: ms.bare / ms.log,
    unit: '×',
    goal: { atLeast: group > 16 ? 0.3 : 0.8 },
    note: `${Math.round((rounds * group * 1_000) / ms.log).toLocaleString('en')} records/s`,
  };
}

try {
  figures.push({
    name: 'CPU of a record, with its commitments and its place in the tree',
    value: await cpuOfRecord(),
    unit: 'µs',
    goal: { atMost: 6 },
  });
  figures.push({ name: 'what a call pays to tell of an event', value: await costOfNote(), unit: 'µs', goal: { atMost: 0.2 } });
  for (const [group, rounds] of [
    [1, 300],
    [16, 200],
    [256, 60],
  ] as const)
    figures.push(await shareOfBare(group, rounds));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
report(figures);
