import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Task } from '../../lib/model/Task.js';
import { counted } from '../support/assurance.js';
import { until } from '../support/until.js';
import { check } from './checker.js';
import { Crew, DRAINED_MS } from './crew.js';
import { readEntries } from './history.js';
import type { KillPoint } from './killPoints.js';
import type { Tool } from './setting.js';
import { postgres, sqlite } from './stores.js';

interface StopEnd {
  readonly status: Task['status'] | undefined;
  readonly starts: number;
  readonly ends: number;
  readonly faults: readonly string[];
}

/** Where it stops → what comes of it. An outcome that comes late is taken where nobody else ran it. */
const STOPS: readonly (readonly [tool: Tool, point: KillPoint, end: Omit<StopEnd, 'faults'>])[] = [
  ['once', 'before-claim', { status: 'completed', starts: 1, ends: 1 }],
  ['once', 'mid-method', { status: 'completed', starts: 1, ends: 1 }],
  ['once', 'before-settle', { status: 'completed', starts: 1, ends: 1 }],
  // it was claimed and never begun; it finds its lease half over, and does not begin
  ['once', 'after-claim', { status: 'unknown', starts: 0, ends: 0 }],
  ['idempotent', 'before-claim', { status: 'completed', starts: 1, ends: 1 }],
  ['idempotent', 'after-claim', { status: 'completed', starts: 1, ends: 1 }],
  ['idempotent', 'mid-method', { status: 'completed', starts: 2, ends: 2 }],
];

for (const store of [sqlite, postgres]) {
  describe(`A process that stops for longer than its lease and goes on, on ${store.name}`, () => {
    let played = 0;
    const ends = new Map<string, Promise<StopEnd>>();
    let wrong = 0;
    before(async function () {
      await store.start(this);
      for (const [tool, point] of STOPS) ends.set(`${tool} ${point}`, play(tool, point));
    });
    after(async () => {
      const what = `SIGSTOP past the lease, then SIGCONT, ${store.name}: what runs once starts once at the most`;
      if (played > 0) counted({ what, cases: played, wrong });
      await store.end();
    });

    async function play(tool: Tool, point: KillPoint): Promise<StopEnd> {
      const crew = new Crew(store.make());
      try {
        const stopped = crew.hire('worker', { point, signal: 'SIGSTOP' });
        await Promise.all([stopped.ready, crew.hire('approver').ready]);
        stopped.tell({ do: 'call', tool, ns: [7] });
        await until(() => crew.history.lines().includes(`stopped ${stopped.who}`));
        // the other one has all the time to take over what it takes for dead
        await crew.hire('worker').ready;
        await sleep(2.5 * crew.leaseMs);
        await crew.drained(DRAINED_MS, 1);
        stopped.child.kill('SIGCONT');
        await crew.drained(DRAINED_MS, 1);
        await sleep(600);
        await crew.leave();
        const lines = crew.history.lines();
        const tasks = await crew.tasks();
        const count = (what: string): number => readEntries(lines).filter((entry) => entry.what === what).length;
        // that a process is not dead after all is what this is about
        const faults = check(lines, tasks).faults.filter((fault) => !fault.endsWith('was not killed'));
        return { status: tasks[0]?.status, starts: count('start'), ends: count('end'), faults };
      } finally {
        await crew.disband();
      }
    }

    for (const [tool, point, end] of STOPS) {
      it(`leaves a call that runs ${tool === 'once' ? 'once' : 'again'} ${end.status}, started ${end.starts} times, when it stops ${point}`, async () => {
        played += 1;
        wrong += 1;
        expect(await ends.get(`${tool} ${point}`)).to.deep.equal({ ...end, faults: [] });
        wrong -= 1;
      }).timeout(60_000);
    }
  });
}
