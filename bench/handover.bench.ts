// From a person's yes in one process to the method's start in another, with 10,000 approvals pending in the same store.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AegisModule } from 'aegislib';
import { postgresServer } from '../spec/support/postgresServer.js';
import { report, type Figure } from './figure.js';
import { openStore } from './handoverStore.js';

const PENDING = 10_000;
const APPROVED = 300;
const figures: Figure[] = [];
const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));

if (isBuiltin('node:sqlite')) figures.push(...(await measure('sqlite', join(folder, 'aegis.db'), 150)));
else console.error('skipped: SQLite needs Node 22.13');
const end = (): never => {
  rmSync(folder, { recursive: true });
  report(figures);
  process.exit();
};
const server = await postgresServer({ timeout: () => undefined, skip: end });
figures.push(...(await measure('postgres', server.url(), 50)));
end();

async function measure(kind: string, where: string, atMost: number): Promise<Figure[]> {
  const child = fork(fileURLToPath(new URL('handover.js', import.meta.url)), [kind, where, String(PENDING)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  child.once('exit', (code) => {
    if (code !== 0) throw new Error(`the other process ended with ${code}`);
  });
  const started = new Map<number, number>();
  child.on('message', (message: { id: number; startedMs: number } | 'ready') => {
    if (message !== 'ready') started.set(message.id, message.startedMs);
  });
  for (;;) if ((await once(child, 'message'))[0] === 'ready') break;

  const aegis = AegisModule.create({
    agentId: 'desk',
    policies: { text: '@id("all") permit (principal, action, resource);' },
    store: await openStore(kind, where),
    env: false,
  });
  const before = performance.now();
  await aegis.ready();
  const readyMs = performance.now() - before;
  const requests = await aegis.approvals.list({ limit: APPROVED });
  const waits: number[] = [];
  for (const { decisionId, digest, params } of requests) {
    await aegis.approvals.approve(decisionId, { by: 'ann', digest });
    const approvedMs = performance.timeOrigin + performance.now();
    const id = params['id'] as number;
    for (let waited = 0; !started.has(id) && waited < 5_000; waited++) await sleep(1);
    waits.push((started.get(id) ?? Infinity) - approvedMs);
  }
  child.disconnect();
  await Promise.all([aegis.close(), once(child, 'exit')]);
  waits.sort((a, b) => a - b);
  const at = (part: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] as number;
  return [
    {
      name: `${kind}: yes in one process → start in another, p99, 10,000 pending`,
      value: at(0.99),
      unit: 'ms',
      goal: { atMost },
      note: `p50 ${at(0.5).toFixed(1)} ms, ${waits.length} approvals`,
    },
    { name: `${kind}: ready() with 10,000 pending`, value: readyMs, unit: 'ms', goal: { atMost: 1_000 } },
  ];
}
