import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalText } from '../../../lib/common/data/canonical.js';
import { readCanonical } from '../../../lib/common/data/readCanonical.js';

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    fc.integer(),
    fc.string({ unit: 'binary' }),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4 },
    ),
  ),
})).value;

describe('readCanonical', () => {
  it('reads what canonicalText writes', () => {
    fc.assert(
      fc.property(value, (given) => {
        const text = canonicalText(given);
        expect(canonicalText(readCanonical(text))).to.equal(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads dates and BigInts beside everything else', () => {
    const given = { a: [1n, -2n, new Date(5), new Date(-5), 1.5, -1e21, 1e-7, null, true, false, 'n"\\ñ'], b: {}, c: [] };
    expect(readCanonical(canonicalText(given))).to.deep.equal(given);
  });

  const bad = ['', '1n1', '{', '{"a"', '{"a":1n', '{"a":1n,}', '{a:1n}', '[1n', '[1n,]', '[1n]]', '"a', '"\\x"', '@', '@x', '-n', 'nul', '1nn', '{"a";1n}', '[,1n]', 'undefined']; // prettier-ignore
  for (const text of bad) it(`refuses ${JSON.stringify(text)}`, () => expect(() => readCanonical(text)).to.throw(SyntaxError));
});
