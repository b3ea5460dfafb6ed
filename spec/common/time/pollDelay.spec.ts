import { expect } from 'chai';
import fc from 'fast-check';
import { MIN_POLL_DELAY_MS, pollDelay } from '../../../lib/common/time/pollDelay.js';

describe('pollDelay', () => {
  const options = { initialDelayMs: 2_000, maxDelayMs: 60_000, jitterRatio: 0.1, random: () => 0.5 };

  it('waits the initial delay twice, then doubles up to the maximum', () => {
    const delays = Array.from({ length: 8 }, (_, n) => pollDelay(n, options));
    expect(delays).to.deep.equal([2_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('jitters by the ratio, both ways', () => {
    expect(pollDelay(2, { ...options, random: () => 0 })).to.equal(3_600);
    expect(pollDelay(2, { ...options, random: () => 0.75 })).to.equal(4_200);
  });

  it('never exceeds the maximum nor falls under 100 ms', () => {
    expect(pollDelay(9, { ...options, random: () => 0.999 })).to.equal(60_000);
    expect(pollDelay(0, { ...options, initialDelayMs: 100, jitterRatio: 0.5, random: () => 0 })).to.equal(MIN_POLL_DELAY_MS);
  });

  it('is within its bounds for every attempt, ratio and random number, with Math.random as default', () => {
    const some = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(5_000), some, fc.double({ min: 0, max: 0.5, noNaN: true }), (n, r, jitterRatio) => {
        const delay = pollDelay(n, { initialDelayMs: 500, maxDelayMs: 5_000, jitterRatio, random: () => r });
        expect(delay).to.be.within(100, 5_000);
      }),
    );
    expect(pollDelay(0, { initialDelayMs: 1_000, maxDelayMs: 5_000, jitterRatio: 0.1 })).to.be.within(900, 1_100);
  });
});
