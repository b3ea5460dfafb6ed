import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { SteadyClock } from '../../lib/common/time/SteadyClock.js';
import type { Task } from '../../lib/model/Task.js';
import { counted } from '../support/assurance.js';
import { slower } from '../support/pace.js';
import { Crew, DRAINED_MS } from './crew.js';
import type { Member } from './crew.js';
import { readEntries } from './history.js';
import { stateStore } from './setting.js';
import type { StoreHere } from './stores.js';

const HOUR_MS = 3_600_000;
/** Longer than it takes to start all processes. */
const TIMEOUT_MS = 4_000;
const SHIFTS = [0, HOUR_MS, -HOUR_MS] as const;

interface ClockEnd {
  readonly status: Task['status'] | undefined;
  readonly starts: number;
  readonly said: string;
}

/** The specs of one store: workers and approvers whose clocks are wrong. */
export function survivesClocks(store: StoreHere): void {
  describe(`Wall clocks that are an hour apart, on ${store.name}`, () => {
    let played = 0;
    const ends = new Map<string, Promise<ClockEnd>>();
    let wrong = 0;
    let timeoutMs = TIMEOUT_MS;
    before(async function () {
      await store.start(this);
      timeoutMs = Math.round(TIMEOUT_MS * slower());
      for (const asks of SHIFTS) for (const runs of SHIFTS) ends.set(`${asks} ${runs}`, play(asks, runs, timeoutMs + 500));
      ends.set('control', play(0, 0, 0));
    });
    after(async () => {
      const what = `worker clocks an hour ahead, behind and right, ${store.name}: nothing runs after its approval has ended`;
      if (played > 0) counted({ what, cases: played, wrong });
      await store.end();
    });

    /**
     * One worker asks and dies, a person approves at once, another worker comes after so long. All the time somebody lives whose clock is right: time
     * that nobody was there to see can pass unseen.
     */
    async function play(asks: number, runs: number, waitMs: number): Promise<ClockEnd> {
      const crew = new Crew(store.make());
      const hire = (role: 'worker' | 'approver', shiftMs: number, point?: string): Member =>
        crew.hire(
          role,
          { approvalTimeoutMs: waitMs === 0 ? 60_000 : timeoutMs, point },
          ['--import', new URL('./shiftedClock.js', import.meta.url).href],
          {
            AEGIS_SPEC_SHIFT_MS: String(shiftMs),
          },
        );
      try {
        const stop = await keepTime(crew);
        // whoever approves has the clock of whoever asked: it sees what it is asked
        await hire('approver', asks).ready;
        const asker = hire('worker', asks, 'after-approve');
        await asker.ready;
        asker.tell({ do: 'call', tool: 'once', ns: [7] });
        await asker.gone;
        await sleep(waitMs);
        await hire('worker', runs).ready;
        await crew.drained(DRAINED_MS, 1);
        await sleep(200);
        await stop();
        const tasks = await crew.tasks();
        const entries = readEntries(crew.history.lines());
        const starts = entries.filter(({ what }) => what === 'start').length;
        return { status: tasks[0]?.status, starts, said: [...crew.history.lines(), crew.said].join('\n') };
      } finally {
        await crew.disband();
      }
    }

    for (const asks of SHIFTS) {
      for (const runs of SHIFTS) {
        it(`never runs what has ended, asked by a clock ${named(asks)} and taken over by one ${named(runs)}`, async () => {
          played += 1;
          wrong += 1;
          const { status, starts, said } = (await ends.get(`${asks} ${runs}`)) as ClockEnd;
          expect({ status, starts }, said).to.deep.equal({ status: 'timeout', starts: 0 });
          wrong -= 1;
        }).timeout(60_000);
      }
    }

    it('runs what has not ended, so that the others prove something', async () => {
      const { status, starts, said } = (await ends.get('control')) as ClockEnd;
      expect({ status, starts }, said).to.deep.equal({ status: 'completed', starts: 1 });
    }).timeout(60_000);
  });
}

/** A process that does nothing but live. Returns how to stop it. */
async function keepTime(crew: Crew): Promise<() => Promise<void>> {
  const store = await stateStore(crew.store);
  await store.open();
  const clock = new SteadyClock();
  const beat = async (): Promise<void> => clock.notBefore(await store.tasks.heartbeat(1_000, clock.now()));
  const timer = setInterval(() => void beat(), 100);
  return async () => {
    clearInterval(timer);
    await store.close();
  };
}

function named(shiftMs: number): string {
  if (shiftMs === 0) return 'that is right';
  return shiftMs > 0 ? 'an hour ahead' : 'an hour behind';
}
