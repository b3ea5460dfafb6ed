import { expect } from 'chai';
import { UnsupportedParamError } from '../../../lib/model/errors/CallErrors.js';
import { DEFAULT_LIMITS, takeSnapshot } from '../../../lib/model/snapshot/takeSnapshot.js';

const taken = (value: unknown, maxBytes: number): unknown => takeSnapshot(value, '', { ...DEFAULT_LIMITS, maxBytes }).value;

describe('The size of a snapshot', () => {
  const hundredDigits = 1n << 399n;
  const table: readonly (readonly [unknown, number])[] = [
    [0n, 8],
    [5n, 8],
    [-5n, 8],
    [2n ** 53n, 8],
    [-(2n ** 53n), 8],
    [2n ** 53n + 1n, 14],
    [-(2n ** 53n) - 1n, 14],
    [hundredDigits, 100],
    [-hundredDigits, 100],
    [hundredDigits << 4n, 101],
    ['', 0],
    ['text', 4],
    ['é', 2],
    [1.5, 8],
    [false, 8],
    [null, 8],
    [new Date(5), 8],
  ];
  for (const [value, bytes] of table) {
    const name = typeof value === 'bigint' ? `a BigInt of ${value.toString(16).length} hexadecimal digits` : JSON.stringify(value);
    it(`counts ${bytes} bytes for ${name}`, () => {
      expect(taken(value, bytes)).to.deep.equal(value);
      expect(() => taken(value, bytes - 1)).to.throw(UnsupportedParamError, /larger than/);
    });
    it(`counts ${bytes} bytes, its key and its place for ${name} in a record`, () => {
      expect(taken({ n: value }, bytes + 3)).to.deep.equal({ n: value });
      expect(() => taken({ n: value }, bytes + 2)).to.throw(UnsupportedParamError, /larger than/);
    });
  }

  it('is no reason to refuse a BigInt of thousands of digits where there is room', () => {
    for (const value of [1n << 4_095n, 1n << 4_096n, 1n << 100_000n, -(1n << 100_000n)])
      expect(taken({ value }, 262_144)).to.deep.equal({ value });
  });

  it('adds up what each item would have had room for alone', () => {
    const list = [1n << 399n, 'x'.repeat(100)];
    expect(taken(list, 204)).to.deep.equal(list);
    expect(() => taken(list, 203)).to.throw(UnsupportedParamError, 'larger than 203 bytes');
  });
});
