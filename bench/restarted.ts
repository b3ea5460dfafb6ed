// The processes of restart.bench.ts: one that makes a call and dies, and those that come after it.
import { setTimeout as sleep } from 'node:timers/promises';
import { AegisModule, guard } from 'aegislib';
import { openStore } from './handoverStore.js';

const [kind = '', where = '', what = ''] = process.argv.slice(2);
const aegis = AegisModule.create({
  agentId: 'bench',
  policies: {
    text: '@id("all") permit (principal, action, resource); @id("ask") @effect("approval_needed") forbid (principal, action, resource);',
  },
  store: await openStore(kind, where),
  recovery: { leaseMs: 1_000, sweepMs: 200 },
  env: false,
});
const pay = guard(async (id: number, note: string) => `${id} ${note}`, { module: aegis, toolName: 'pay', params: ['id', 'note'] });
const start = performance.now();
await aegis.ready();
const readyMs = performance.now() - start;
if (what === 'call') {
  await pay(1, 'a refund of an order that came in twice');
  process.send?.('called', () => process.kill(process.pid, 'SIGKILL'));
} else {
  await sleep(2_500); // it looks through the store meanwhile
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed: heap } = process.memoryUsage();
  const { pending } = await aegis.tasks.getStats();
  process.send?.({ readyMs, heap, pending }, () => process.exit());
}
