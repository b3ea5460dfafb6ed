// What loading policies costs at the start of a process, and for how long a reload keeps the event loop from its other work.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReloadablePolicies } from 'aegislib/policy';
import { ROOT } from './bundleSize.js';
import { median } from './compare.js';
import { report } from './figure.js';

const ROUNDS = 3;

const setOf = (count: number, limit: number): string =>
  Array.from(
    { length: count },
    (_, i) => `@id("p${i}") forbid (principal, action == Aegis::Action::"tool-${i}", resource) when { context.input.n > ${limit + i} };`,
  ).join('\n');

/** In a process of its own, by CPU time: what its threads of compilation take counts too. */
function firstLoadMs(count: number): number {
  const code = `
    import { ReloadablePolicies } from 'aegislib/policy';
    const text = ${JSON.stringify(setOf(count, 0))};
    const before = process.cpuUsage();
    new ReloadablePolicies({ source: { text } });
    const { user, system } = process.cpuUsage(before);
    process.stdout.write(String((user + system) / 1e3));`;
  const load = (): number => Number(execFileSync(process.execPath, ['--input-type=module'], { cwd: ROOT, encoding: 'utf8', input: code }));
  return median(Array.from({ length: ROUNDS }, load));
}

/** Time of this thread on a processor, where the system tells it: other programs do not count. */
function onProcessorMs(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => { user: number; system: number } };
  if (threadCpuUsage === undefined) return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6;
  const { user, system } = threadCpuUsage.call(process);
  return (user + system) / 1e3;
}

/** Reloads a set in which every policy changed. */
async function reload(count: number): Promise<{ ms: number; longestHoldMs: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'aegis-bench-'));
  const file = join(folder, 'a.cedar');
  writeFileSync(file, setOf(count, 1));
  const live = new ReloadablePolicies({ source: folder });
  const times: number[] = [];
  const holds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(file, setOf(count, -round));
    let [longest, last, goesOn] = [0, onProcessorMs(), true];
    const turn = (): void => {
      const now = onProcessorMs();
      longest = Math.max(longest, now - last);
      last = now;
      if (goesOn) setImmediate(turn);
    };
    setImmediate(turn);
    const started = performance.now();
    const { status } = await live.reload();
    goesOn = false;
    if (status !== 'applied') throw new Error(`the bench reloads wrongly: ${status}`);
    times.push(performance.now() - started);
    holds.push(longest);
  }
  live.close();
  rmSync(folder, { recursive: true });
  return { ms: median(times), longestHoldMs: median(holds) };
}

const small = await reload(1_000);
const large = await reload(8_000);
report([
  { name: 'first load of 1,000 policies', value: firstLoadMs(1_000), unit: 'ms of CPU', goal: { atMost: 1_500 } },
  { name: 'first load of 8,000 policies', value: firstLoadMs(8_000), unit: 'ms of CPU', goal: { atMost: 6_000 } },
  {
    name: 'longest hold of the event loop while 1,000 policies are reloaded',
    value: small.longestHoldMs,
    unit: 'ms',
    goal: { atMost: 20 },
    note: `in force after ${Math.round(small.ms)} ms`,
  },
  {
    name: 'the same with 8,000',
    value: large.longestHoldMs,
    unit: 'ms',
    goal: { atMost: 20 },
    note: `in force after ${Math.round(large.ms)} ms`,
  },
]);
