import { expect } from 'chai';
import { clampTimeout, MAX_TIMEOUT_MS, monotonicNow } from '../../../lib/common/time/timers.js';

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
