import { expect } from 'chai';
import { addLongs, divideLong, isLong, multiplyLongs, negateLong, subtractLongs, toLong } from '../../../lib/policy/value/longs.js';
import type { Long } from '../../../lib/policy/value/Value.js';

const SAFE = Number.MAX_SAFE_INTEGER;
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

describe('A Long', () => {
  it('has one form: a number where that is exact, else a BigInt, and none beyond 64 bits', () => {
    for (const n of [0, 5, -5, SAFE, -SAFE]) expect(toLong(BigInt(n))).to.equal(n);
    for (const n of [2n ** 53n, -(2n ** 53n), MOST, LEAST]) expect(toLong(n)).to.equal(n);
    for (const n of [MOST + 1n, LEAST - 1n]) expect(toLong(n)).to.equal(undefined);
  });

  it('is a number or a BigInt', () => {
    for (const value of [0, 1n]) expect(isLong(value)).to.equal(true);
    for (const value of ['1', true, undefined, {}]) expect(isLong(value)).to.equal(false);
  });

  const some: readonly Long[] = [0, 1, -1, 7, 3_037_000_500, -3_037_000_500, SAFE, -SAFE, SAFE - 1, 2n ** 53n, -(2n ** 53n), MOST, LEAST];
  for (const [name, operate, exact] of [
    ['added', addLongs, (a: bigint, b: bigint) => a + b],
    ['subtracted', subtractLongs, (a: bigint, b: bigint) => a - b],
    ['multiplied', multiplyLongs, (a: bigint, b: bigint) => a * b],
  ] as const)
    it(`is ${name} as 64 bits do it, exactly or not at all`, () => {
      for (const a of some)
        for (const b of some) {
          const result = operate(a, b);
          expect(result, `${a}, ${b}`).to.equal(toLong(exact(BigInt(a), BigInt(b))));
          expect(Object.is(result, -0), `${a}, ${b}`).to.equal(false);
        }
    });

  it('is negated, but for the least', () => {
    for (const a of some) expect(negateLong(a)).to.equal(toLong(-BigInt(a)));
    expect(negateLong(LEAST)).to.equal(undefined);
    expect(Object.is(negateLong(0), 0)).to.equal(true);
  });

  it('is divided towards zero, without rounding up first', () => {
    for (const a of [...some, SAFE - 2, 999, 1_000, 1_001, -999, -1_001])
      for (const by of [1_000, 60_000, 86_400_000]) {
        const result = divideLong(a, by);
        expect(BigInt(result), `${a} by ${by}`).to.equal(BigInt(a) / BigInt(by));
        expect(result, `${a} by ${by}`).to.equal(toLong(BigInt(result)));
      }
  });
});
