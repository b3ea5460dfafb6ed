import { expect } from 'chai';
import fc from 'fast-check';
import { RateLimiter } from '../../../lib/server/front/RateLimiter.js';

describe('The rate of keys', () => {
  let now = 1_000;
  const limiter = (perSecond: number, burst: number): RateLimiter => new RateLimiter({ perSecond, burst }, () => now);

  it('lets a burst through at once, then as many as come back', () => {
    const rates = limiter(10, 3);
    const allowed = (): boolean => rates.spend('a').allowed;
    expect([allowed(), allowed(), allowed(), allowed()]).to.deep.equal([true, true, true, false]);
    now += 99;
    expect(allowed()).to.equal(false);
    now += 1;
    expect([allowed(), allowed()]).to.deep.equal([true, false]);
    now += 10_000;
    expect([allowed(), allowed(), allowed(), allowed()]).to.deep.equal([true, true, true, false]);
  });

  it('says what is left, and when the same spending would pass', () => {
    const rates = limiter(10, 5);
    expect(rates.spend('a', 3)).to.deep.equal({ allowed: true, remaining: 2, retryAfterMs: 0 });
    const refused = rates.spend('a', 4);
    expect(refused).to.include({ allowed: false, remaining: 2 });
    expect(refused.retryAfterMs).to.be.closeTo(200, 0.001);
    now += 200;
    expect(rates.spend('a', 4)).to.include({ allowed: true, remaining: 0 });
    expect(rates.spend('a', 6)).to.deep.include({ allowed: false, retryAfterMs: Infinity });
  });

  it('keeps keys apart', () => {
    const rates = limiter(1, 1);
    expect(rates.spend('a').allowed).to.equal(true);
    expect(rates.spend('b').allowed).to.equal(true);
    expect(rates.spend('a').allowed).to.equal(false);
  });

  it('forgets keys whose tokens are all back', () => {
    const rates = limiter(10, 2);
    for (let i = 0; i < 1_000; i++) rates.spend(`k${i}`);
    expect(rates.size).to.equal(1_000);
    now += 10_000;
    rates.spend('late', 2);
    expect(rates.size).to.equal(1);
    now += 10_000;
    rates.spend('other');
    expect(rates.size).to.equal(1);
  });

  it('never lets more through than burst and rate allow, in any order of times', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 4 })), { maxLength: 200 }), (steps) => {
        const rates = limiter(20, 8);
        const start = now;
        let spent = 0;
        for (const [ms, tokens] of steps) {
          now += ms;
          if (rates.spend('a', tokens).allowed) spent += tokens;
          expect(spent).to.be.at.most(8 + ((now - start) * 20) / 1_000 + 1e-6);
        }
      }),
    );
  });
});
