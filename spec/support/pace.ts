import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

// Time as specs may hold it against a limit: free of what else the machine does meanwhile.

/** What {@link twin} took at its quickest on the machine on which the limits of specs were set. */
const TWIN_MS = 3;
const TWIN_TRIES = 5;
const TICK_MS = 5;
/** A timer that comes later than this was kept waiting; less is how timers are. */
const KEPT_WAITING_MS = 3 * TICK_MS;

/**
 * How many times longer something may take now than on a machine with nothing else to do, where other processes take part in it and its time cannot
 * be measured free of them.
 */
export function slower(): number {
  return Math.max(1, (loadavg()[0] ?? 1) / availableParallelism());
}

/** How long some work keeps this process busy. The lower of wall time, which others lengthen, and CPU time, which threads beside the work add to. */
export function busyMs(work: () => unknown): number {
  const cpu = process.cpuUsage();
  const started = performance.now();
  work();
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(wallMs, (user + system) / 1_000);
}

/**
 * A limit for {@link busyMs} that was set on a quiet machine, for this machine as it is now: longer where a fixed piece of work takes longer, never
 * shorter.
 */
export function atThisPace(limitMs: number): number {
  const twinMs = Math.min(...Array.from({ length: TWIN_TRIES }, () => busyMs(twin)));
  return limitMs * Math.max(1, twinMs / TWIN_MS);
}

/** How long this thread has been on a processor, in milliseconds: what other threads and programs do is not in it. Where that cannot be told, the time. */
export function threadMs(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => { user: number; system: number } };
  if (threadCpuUsage !== undefined) {
    const { user, system } = threadCpuUsage.call(process);
    return (user + system) / 1_000;
  }
  return schedstat === undefined ? performance.now() : Number(readFileSync(schedstat, 'latin1').split(' ', 1)[0]) / 1e6;
}

const SCHEDSTAT = '/proc/thread-self/schedstat';
const schedstat = existsSync(SCHEDSTAT) ? SCHEDSTAT : undefined;

function twin(): number {
  let hash = 0;
  const kept = new Array<number>();
  for (let i = 0; i < 2_000_000; i++) {
    hash = (Math.imul(hash, 31) + (i ^ (hash >>> 7))) | 0;
    if ((hash & 0x3f) === 0) kept.push(hash);
  }
  return kept.length;
}

/** Enough moments for one to be quiet, beside whatever else the machine does. */
const TRIES = 60;

/**
 * The quickest of some tries of the same work, on a machine at the pace at which limits were set: what the work takes, without what else is done
 * there. Tries end early once one is under the limit; work that takes longer than that by itself is above it in every try.
 *
 * @param enoughMs stop at a try that took less; the limit if it is not given
 */
export function quickestMs(limitMs: number, work: () => unknown, enoughMs: number = limitMs): number {
  let ms = Infinity;
  for (let i = 0; i < TRIES && ms >= limitMs; i++) ms = Math.min(ms, pacedMs(limitMs, work));
  for (let i = 0; i < TRIES / 5 && ms > enoughMs; i++) ms = Math.min(ms, pacedMs(limitMs, work));
  return ms;
}

/** The pace changes from one moment to the next, so that it is measured right after the work. */
function pacedMs(limitMs: number, work: () => unknown): number {
  const tookMs = busyMs(work);
  return tookMs < limitMs ? tookMs : (tookMs * limitMs) / atThisPace(limitMs);
}

/**
 * From now on tells how much time went by, without that in which this process could not run. What is left was spent in timers and on answers. Does not
 * keep the process alive.
 *
 * @returns the milliseconds so far; of no more use once `stop` was called
 */
export function stopwatch(): (() => number) & { readonly stop: () => void } {
  const started = performance.now();
  let last = started;
  let heldUpMs = 0;
  const tick = (): void => {
    const now = performance.now();
    if (now - last > KEPT_WAITING_MS) heldUpMs += now - last - TICK_MS;
    last = now;
  };
  const timer = setInterval(tick, TICK_MS).unref();
  const read = (): number => {
    tick();
    return last - started - heldUpMs;
  };
  return Object.assign(read, { stop: () => clearInterval(timer) });
}

/**
 * How long a promise takes by a {@link stopwatch}: a wait that should not be there is seen in it, another program that takes the processor is not.
 */
export async function waited<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const ms = stopwatch();
  try {
    const value = await work();
    return { value, ms: ms() };
  } finally {
    ms.stop();
  }
}
