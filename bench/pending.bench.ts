// 100,000 approvals pending at once: heap, timers, and how long the event loop is held when all fall due together. Run with --expose-gc.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { AegisModule, guard, type DecisionService } from 'aegislib';
import type { DecisionStatus } from 'aegislib/decision';
import { report } from './figure.js';

const COUNT = 100_000;
let answer: DecisionStatus['state'] = 'pending';
let asked = 0;
const decisions: DecisionService = {
  decide: ({ callId }) => ({ effect: 'approval_needed', decisionId: callId, reason: 'a person decides' }),
  status: (decisionId) => {
    asked += 1;
    return { decisionId, state: answer };
  },
};
const aegis = AegisModule.create({
  decisions,
  agentId: 'bench',
  tasks: { maxPending: 2 * COUNT },
  approvalPolling: { initialDelayMs: 5_000, maxDelayMs: 5_000, jitterRatio: 0 },
});
let runs = 0;
const pay = guard(
  async (id: number) => {
    runs += 1;
    return id;
  },
  { module: aegis, toolName: 'pay', params: ['id'] },
);

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');
for (let i = 0; i < 100; i++) await pay(-1 - i);
collect();
const before = process.memoryUsage().heapUsed;
const start = performance.now();
for (let i = 0; i < COUNT; i++) await pay(i);
const startedMs = performance.now() - start;
collect();
const heapMb = (process.memoryUsage().heapUsed - before) / 1e6;
const timers = process.getActiveResourcesInfo().filter((r) => r === 'Timeout').length;

answer = 'approved';
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
while (runs < COUNT + 100) await sleep(20);
delay.disable();

report([
  {
    name: 'heap of 100,000 pending approvals (scheduler, registry, snapshots)',
    value: heapMb,
    unit: 'MB',
    goal: { atMost: 80 },
    limit: { atMost: 90 },
  },
  { name: 'timers for 100,000 pending approvals', value: timers, unit: '', goal: { atMost: 1 } },
  { name: '100,000 guarded calls to pending', value: startedMs, unit: 'ms' },
  {
    name: '100,000 due together: longest hold of the event loop',
    value: delay.max / 1e6,
    unit: 'ms',
    goal: { atMost: 20 },
    note: `p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, ${asked} status questions`,
  },
]);
await aegis.close();
