import { expect } from 'chai';
import { decimalText } from '../../../lib/policy/value/parseDecimal.js';
import { bothTell } from '../compile/bothOutcomes.js';

const refused = (...texts: string[]): void => bothTell(texts.map((text) => [`decimal("${text}") == decimal("${text}")`, 'error'] as const));

describe('parseDecimal', () => {
  describe('takes one to four digits after the point', () => {
    bothTell([
      ['decimal("1.5") == decimal("1.5000")', 'true'],
      ['decimal("-0.0001").lessThan(decimal("0.0"))', 'true'],
      ['decimal("-0.0") == decimal("0.0")', 'true'],
      ['decimal("00000000000000000001.0") == decimal("1.0")', 'true'],
      ['decimal("922337203685477.5807").greaterThan(decimal("922337203685477.5806"))', 'true'],
    ]);
  });

  describe('refuses other texts, and what has no room in 64 bits', () => {
    refused('', '1', '1.', '.5', '1.00000', '+1.0', '1e3', ' 1.0', '1,0');
    refused('922337203685477.5808', '1000000000000000.0', '-1000000000000000.0');
  });
});

describe('decimalText', () => {
  for (const [amount, text] of [
    [0, '0.0000'],
    [1, '0.0001'],
    [-1, '-0.0001'],
    [-15_000, '-1.5000'],
    [2n ** 63n - 1n, '922337203685477.5807'],
    [-(2n ** 63n), '-922337203685477.5808'],
  ] as const)
    it(`writes ${text}`, () => expect(decimalText(amount)).to.equal(text));
});
