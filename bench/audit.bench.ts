// The audit log: what a record costs, what a call pays for being told of, and how `required` compares with a bare write and fdatasync of the same bytes in the
// same groups, round by round in turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AegisModule, guard } from 'aegislib';
import { AuditKey, auditLog, jsonlFolder, MemorySink } from 'aegislib/audit';
import type { JournalEvent } from 'aegislib/guard';
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

const used = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** The events of real calls. */
async function eventsOf(calls: number): Promise<readonly JournalEvent[]> {
  const events: JournalEvent[] = [];
  const module = AegisModule.create({
    policies: { text: '@id("all") permit (principal, action, resource);' },
    agentId: 'bench',
    journal: { note: (event) => void (event.kind !== 'policies' && events.push(event)) },
  });
  const send = guard(async (mail: object) => mail, { module, toolName: 'send', params: ['mail'], approval: 'wait' });
  for (let i = 0; i < calls; i++) await send({ to: `user${i}@example.com`, subject: 'Your order', body: 'It was sent.', cents: i });
  await module.close();
  return events;
}

/** CPU of a record and of telling it, in microseconds: the least of some rounds, because the machine does other things. */
async function costOfRecord(): Promise<{ readonly record: number; readonly note: number }> {
  const events = await eventsOf(CALLS);
  const least = { record: Infinity, note: Infinity };
  for (let round = 0; round < 5; round++) {
    const log = logTo(new NowhereSink(), { mode: 'best-effort', maxQueued: 1_000_000 });
    await log.ready();
    const start = used();
    for (const event of events) log.note(event);
    const told = used();
    await log.flush();
    const written = used();
    await log.close();
    least.note = Math.min(least.note, (told - start) / events.length);
    least.record = Math.min(least.record, (written - start) / events.length);
  }
  return least;
}

/** How fast records become durable in groups of that size, as a share of a bare write and fdatasync. */
async function shareOfBare(group: number, rounds: number): Promise<Figure> {
  const log = logTo(jsonlFolder(join(folder, `g${group}`)));
  await log.ready();
  const bare = await open(join(folder, `bare${group}`), 'a');
  const effective = key.publicKey.toString();
  // with its fields in the order of a line, as the library makes records
  const record = (i: number): NewRecord => ({ kind: 'entering', agentId: 'bench', decisionId: `dec_${i}`, effective, toolName: 'send' });
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
    limit: { atLeast: group > 16 ? 0.1 : 0.3 },
    note: `${Math.round((rounds * group * 1_000) / ms.log).toLocaleString('en')} records/s`,
  };
}

try {
  const { record, note } = await costOfRecord();
  figures.push({
    name: 'CPU of a record, with its commitments and its place in the tree',
    value: record,
    unit: 'µs',
    goal: { atMost: 6 },
    limit: { atMost: 24 },
  });
  figures.push({ name: 'CPU of telling the log of an event', value: note, unit: 'µs', goal: { atMost: 0.5 }, limit: { atMost: 3 } });
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
