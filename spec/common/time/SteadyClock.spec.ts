import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { SteadyClock, clampTimeout, MAX_TIMEOUT_MS, monotonicNow } from '../../../lib/common/time/SteadyClock.js';

const HOUR = 3_600_000;
const TEN_YEARS = 10 * 365.25 * 24 * HOUR;

describe('SteadyClock', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ now: Date.UTC(2026, 0, 1) })));
  afterEach(() => time.restore());

  it('is wall time, in whole milliseconds, while nobody touches the clock', () => {
    time.tick(12_345);
    const clock = new SteadyClock();
    expect(clock.now()).to.equal(Date.now());
    time.tick(1_234);
    expect(clock.now()).to.equal(Date.now());
    expect(Number.isInteger(new SteadyClock().now())).to.equal(true);
  });

  it('never gives less than what it is told that others have reached, and goes on from there', () => {
    const clock = new SteadyClock();
    const start = clock.now();
    clock.notBefore(start - HOUR);
    expect(clock.now()).to.equal(start);
    clock.notBefore(start + HOUR);
    time.tick(1_000);
    expect(clock.now()).to.equal(start + HOUR + 1_000);
    // as after a restart on a machine whose clock was set back meanwhile
    time.setSystemTime(start - TEN_YEARS);
    const next = new SteadyClock();
    next.notBefore(clock.now());
    expect(next.now()).to.equal(clock.now());
  });

  for (const back of [1, HOUR, TEN_YEARS]) {
    it(`goes on as before when the wall clock is set back by ${back} ms`, () => {
      const clock = new SteadyClock();
      const start = clock.now();
      time.tick(1_000);
      time.setSystemTime(start - back);
      expect(clock.now()).to.equal(start + 1_000);
      time.tick(5_000);
      expect(clock.now()).to.equal(start + 6_000);
    });

    it(`goes forward with the wall clock when it is set forward by ${back} ms, as after a suspended machine's sleep`, () => {
      const clock = new SteadyClock();
      const start = clock.now();
      time.setSystemTime(start + back);
      expect(clock.now()).to.equal(start + back);
      time.tick(7_000);
      expect(clock.now()).to.equal(start + back + 7_000);
    });

    it(`does not stand still after the wall clock went forward and back by ${back} ms: what is timed then still ends`, () => {
      const clock = new SteadyClock();
      const start = clock.now();
      time.setSystemTime(start + back);
      const ahead = clock.now();
      time.setSystemTime(start);
      expect(clock.now()).to.equal(ahead);
      time.tick(60_000);
      expect(clock.now()).to.equal(ahead + 60_000);
    });
  }

  it('knows of a clock that was set back before it was first read', () => {
    time.tick(12_345);
    const start = Date.now();
    const clock = new SteadyClock();
    time.setSystemTime(start - HOUR);
    expect(clock.now()).to.equal(start);
  });

  it('does not run ahead for good after the process was put aside between its two readings', () => {
    const clock = new SteadyClock();
    const start = clock.now();
    const [wall, monotonic] = [Date.now, performance.now];
    // whichever is read first, five seconds pass before the other
    let paused = false;
    const pausing = (read: () => number) => (): number => {
      const value = read();
      if (!paused) time.tick(5_000);
      paused = true;
      return value;
    };
    try {
      Date.now = pausing(() => wall.call(Date));
      performance.now = pausing(() => monotonic.call(performance));
      clock.now();
    } finally {
      Date.now = wall;
      performance.now = monotonic;
    }
    expect(clock.now() - start).to.equal(5_000);
  });

  it('does not run fast however often it is read beside a wall clock of whole milliseconds', () => {
    time.restore();
    const clock = new SteadyClock();
    const wallStart = Date.now();
    const early = performance.now();
    const startMs = clock.now();
    const late = performance.now();
    while (performance.now() - late < 30) clock.now();
    // the process may be put aside between two readings, so each reading of the clock stands between two of monotonic time
    const before = performance.now();
    const ranMs = clock.now() - startMs;
    const after = performance.now();
    // where the machine's own wall clock was set ahead meanwhile, as it may be by a millisecond, this one has to follow it
    const setAheadMs = Math.max(0, Date.now() - wallStart - (after - early));
    expect(ranMs).to.be.within(before - late - 2, after - early + setAheadMs + 2);
  });
});

describe('timers', () => {
  it('give setTimeout only what it can wait for: it would take 2^31 ms, NaN or less than nothing as 1 ms', () => {
    const cases: readonly (readonly [number, number])[] = [
      [0, 0],
      [0.1, 1],
      [1, 1],
      [99.5, 100],
      [MAX_TIMEOUT_MS, MAX_TIMEOUT_MS],
      [2 ** 31, MAX_TIMEOUT_MS],
      [Infinity, MAX_TIMEOUT_MS],
      [-1, 0],
      [-Infinity, 0],
      [NaN, 0],
    ];
    for (const [ms, clamped] of cases) expect(clampTimeout(ms), `${ms}`).to.equal(clamped);
  });

  it('read a clock that does not go back', () => {
    let before = monotonicNow();
    for (let i = 0; i < 10_000; i++) {
      const now = monotonicNow();
      expect(now).to.be.at.least(before);
      before = now;
    }
  });
});
