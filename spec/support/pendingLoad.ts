import { ApprovalScheduler } from '../../lib/approval/ApprovalScheduler.js';
import { TaskRegistry } from '../../lib/approval/task/TaskRegistry.js';
import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { MemoryTaskStore } from '../../lib/store/memory/MemoryTaskStore.js';
import { requestOf } from './callRequests.js';
import { POLLING } from './schedulerSetup.js';
import { ScriptedDecisions } from './scriptedDecisions.js';
import { pendingTask } from './tasks.js';

/** What a load of approvals did. */
export interface LoadFigures {
  readonly runs: number;
  readonly settled: number;
  readonly left: number;
  /** Timers that the approvals hold together, while pending. */
  readonly timers: number;
  readonly heapBytesEach: number;
  readonly heapBytesEachOncePolled: number;
  /** How often the event loop came round from the first run to the last. */
  readonly turns: number;
  readonly longestTurnMs: number;
}

const params = { amount: 1 };
const digest = canonicalDigest(params);
const request = requestOf({ params });

/**
 * Makes `count` approvals pending, all polled at one moment; then approves them all, by poll or by push, and lets them run. Needs
 * `--expose-gc`.
 */
export async function pendingLoad(count: number, how: 'poll' | 'push'): Promise<LoadFigures> {
  const { gc } = globalThis as unknown as { gc: () => void };
  let approved = false;
  const service = new ScriptedDecisions({
    pushes: how === 'push',
    status: (decisionId) => ({ decisionId, state: approved && how === 'poll' ? 'approved' : 'pending' }),
  });
  service.asked.push = () => 0; // a load keeps no minutes
  service.askedAt.push = () => 0;
  const registry = new TaskRegistry(new MemoryTaskStore(), { maxPending: count, maxFinished: 100 });
  const polling = { ...POLLING, initialDelayMs: 1_000, maxDelayMs: 1_000 };
  const scheduler = new ApprovalScheduler({ decisions: service, registry, polling });
  const timersBefore = countTimers();
  let runs = 0;
  let settled = 0;
  const run = (): number => (runs += 1);
  const onSettled = (): number => (settled += 1);
  const ids: string[] = [];
  const tasks = Array.from({ length: count }, () =>
    pendingTask({ params, digest, originalDigest: digest, expiresAtMs: Date.now() + 86_400_000 }),
  );
  gc();
  const heapBefore = process.memoryUsage().heapUsed;
  for (const task of tasks) {
    registry.record(task);
    ids.push(task.decisionId);
    scheduler.submit(scheduler.hold(task, { request, run, admit: (p) => p, onSettled }).handle);
  }
  const timers = countTimers() - timersBefore;
  gc();
  const heapBytesEach = (process.memoryUsage().heapUsed - heapBefore) / count;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  gc();
  const heapBytesEachOncePolled = (process.memoryUsage().heapUsed - heapBefore) / count;

  approved = true;
  let turns = 0;
  let longestTurnMs = 0;
  let last = performance.now();
  const turn = (): void => {
    const now = performance.now();
    if (runs > 0) turns += 1;
    longestTurnMs = Math.max(longestTurnMs, now - last);
    last = now;
    if (settled < count) setImmediate(turn);
  };
  setImmediate(turn);
  if (how === 'push') for (const id of ids) service.push(id, 'approved');
  while (settled < count) await new Promise((resolve) => setTimeout(resolve, 20));
  const left = scheduler.queueSize;
  await scheduler.shutdown();
  return { runs, settled, left, timers, heapBytesEach, heapBytesEachOncePolled, turns, longestTurnMs };
}

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((r) => r === 'Timeout').length;
}
