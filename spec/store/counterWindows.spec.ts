import { expect } from 'chai';
import sinon from 'sinon';
import type { CounterTake } from '../../lib/store/counter/CounterStore.js';
import { MemoryCounterStore } from '../../lib/store/counter/MemoryCounterStore.js';
import { counted, seed, volume } from '../support/assurance.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Numbers from 0 to 1, the same in each run. */
function random(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What was taken of one counter, as it happened. */
interface Taken {
  readonly atMs: number;
  readonly cost: number;
}

/** The most that any window holds that ends with one of these: summed anew for each, from a log that knows nothing of slices. */
function mostIn(log: readonly Taken[], { kind, windowMs }: CounterTake): number {
  let most = 0;
  let from = 0;
  let sum = 0;
  for (const { atMs, cost } of log) {
    const sinceMs = kind === 'sliding' ? atMs - windowMs : Math.floor(atMs / windowMs) * windowMs;
    sum += cost;
    while ((log[from] as Taken).atMs < sinceMs) {
      sum -= (log[from] as Taken).cost;
      from += 1;
    }
    most = Math.max(most, sum);
  }
  return most;
}

describe('Counters, against a log of what they took', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers({ now: 1_800_000_000_000, toFake: ['Date'] })));
  afterEach(() => clock.restore());

  it('let no window hold more than its limit, at any times and costs, also where the clock is put forward and back by an hour', async function () {
    this.timeout(600_000);
    const next = random(seed);
    const all: readonly CounterTake[] = (['fixed', 'sliding'] as const).flatMap((kind) =>
      [MINUTE, 7 * MINUTE, HOUR].map((windowMs) => ({
        key: `${kind} ${windowMs}`,
        cost: 1,
        limit: 1 + Math.floor(next() * 50),
        windowMs,
        kind,
      })),
    );
    const logs = new Map(all.map(({ key }) => [key, [] as Taken[]]));
    const counters = new MemoryCounterStore();
    const tries = volume(1_000_000);
    let taken = 0;
    // the time of counters: it never goes back
    let latestMs = 0;
    for (let i = 0; i < tries; i++) {
      clock.tick(Math.floor(next() ** 4 * 20_000));
      if (next() < 0.0005) clock.setSystemTime(Date.now() + (next() < 0.5 ? HOUR : -HOUR));
      const takes = all.filter(() => next() < 0.3).map((take) => ({ ...take, cost: Math.floor(next() * 4) }));
      if (takes.length === 0) continue;
      latestMs = Math.max(latestMs, Date.now());
      const outcome = counters.take({ token: `t${i}`, takes, keepMs: 0 });
      if (!outcome.ok) continue;
      taken += 1;
      for (const { key, cost } of takes) logs.get(key)?.push({ atMs: latestMs, cost });
    }
    const wrong = all.filter((take) => mostIn(logs.get(take.key) ?? [], take) > take.limit).length;
    counted({
      what: 'takes of six counters, fixed and sliding: windows that hold more than their limit',
      cases: tries,
      wrong,
      beside: { taken },
    });
    expect(wrong).to.equal(0);
    expect(taken).to.be.above(tries / 100);
  });

  it('find a window that holds too much, where there is one', () => {
    const take: CounterTake = { key: 'k', cost: 1, limit: 2, windowMs: HOUR, kind: 'sliding' };
    const log = [0, 1, 30 * MINUTE].map((atMs) => ({ atMs, cost: 1 }));
    expect(mostIn(log, take)).to.equal(3);
    expect(mostIn([...log.slice(0, 2), { atMs: HOUR + 2, cost: 1 }], take)).to.equal(2);
    expect(
      mostIn(
        [59 * MINUTE, HOUR].map((atMs) => ({ atMs, cost: 2 })),
        { ...take, kind: 'fixed' },
      ),
    ).to.equal(2);
  });
});
