import { expect } from 'chai';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import vm from 'node:vm';
import { canonicalDigest, canonicalText, sha256, sha256By } from '../../../lib/common/data/canonical.js';
import { takeSnapshot } from '../../../lib/model/snapshot/takeSnapshot.js';
import { runInChild } from '../../support/runInChild.js';

/** All pairs with AEGIS_SPEC_THOROUGH=1, else a tenth of them. */
const PAIRS = process.env['AEGIS_SPEC_THOROUGH'] === '1' ? 100_000 : 10_000;

describe('canonicalText', () => {
  const table: readonly (readonly [unknown, string])[] = [
    [null, 'null'],
    [true, 'true'],
    [1, '1'],
    [-0, '0'],
    [1e21, '1e+21'],
    [0.1, '0.1'],
    ['1', '"1"'],
    [1n, '1n'],
    [-(2n ** 70n), '-1180591620717411303424n'],
    [new Date(5), '@5'],
    [new Date(-5), '@-5'],
    [[], '[]'],
    [{}, '{}'],
    [[1, [2]], '[1,[2]]'],
    [{ b: 1, a: { d: 1, c: 2 } }, '{"a":{"c":2,"d":1},"b":1}'],
    ['\ud800', '"\\ud800"'],
    ['"\\\n', '"\\"\\\\\\n"'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ];
  for (const [value, text] of table) it(`is ${text}`, () => expect(canonicalText(value)).to.equal(text));

  it('is the same for data of another realm', () => {
    expect(canonicalText(vm.runInNewContext('({ b: [new Date(5)], a: 1 })'))).to.equal('{"a":1,"b":[@5]}');
  });

  for (const [name, value] of [
    ['undefined', undefined],
    ['an undefined property', { a: undefined }],
    ['a hole', [, 1]], // oxlint-disable-line no-sparse-arrays
    ['NaN', Number.NaN],
    ['Infinity', Infinity],
    ['an invalid Date', new Date(Number.NaN)],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a Map', new Map([['a', 1]])],
    ['a Set', new Set([1])],
    ['an instance', new (class Order {})()],
    ['a Buffer', Buffer.from('a')],
    ['a RegExp', /a/],
    ['a Proxy', new Proxy({}, {})],
  ] as const)
    it(`has no form for ${name}, also deep inside`, () => {
      expect(() => canonicalText(value)).to.throw(TypeError);
      expect(() => canonicalText([{ a: value }])).to.throw(TypeError);
    });

  it('never asks a Date for its own idea of the time', () => {
    expect(canonicalText(Object.assign(new Date(5), { getTime: () => 99, valueOf: () => 99 }))).to.equal('@5');
  });
});

describe('canonicalDigest', () => {
  it('is the same on a runtime that has no crypto.hash', async () => {
    const { code, stdout, stderr } = await runInChild(`
      import crypto from 'node:crypto';
      import { syncBuiltinESMExports } from 'node:module';
      crypto.hash = undefined;
      syncBuiltinESMExports();
      const { canonicalDigest } = await import(${JSON.stringify(new URL('../../../lib/common/data/canonical.js', import.meta.url).href)});
      console.log(canonicalDigest({ b: ['é', '\\ud800'], a: 1n }));`);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout.trim()).to.equal(canonicalDigest({ a: 1n, b: ['é', '\ud800'] }));
  });

  it('is made by a Hash object where there is no crypto.hash', () => {
    for (const text of ['', 'é😀', 'x'.repeat(1_000)]) expect(sha256By(undefined)(text)).to.equal(sha256(text));
  });

  it('is the SHA-256 of the text', () => {
    expect(canonicalDigest({})).to.equal('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
    const text = 'é😀';
    expect(sha256(text)).to.equal(createHash('sha256').update(text, 'utf8').digest('hex'));
  });

  /** Few keys and small values, so that equal ones come up often; the hard ones among them. */
  const scalar = fc.oneof(
    fc.constantFrom<unknown>(
      0,
      -0,
      1,
      '1',
      '',
      'a',
      1n,
      0n,
      true,
      false,
      null,
      '\ud800',
      '\udc00',
      '\ud800\udc00',
      'null',
      '[]',
      '{}',
      '1n',
      '@1',
      'e\u0301',
      '\u00e9',
    ),
    fc.integer({ min: -2, max: 2 }),
    fc.bigInt({ min: -2n, max: 2n }),
    fc.integer({ min: -2, max: 2 }).map((ms) => new Date(ms)),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ maxLength: 2, unit: 'binary' }),
  );
  const { value: values } = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'small', maxDepth: 3 }, scalar, fc.array(tie('value'), { maxLength: 3 }), tie('record')),
    record: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'ab', '1', '', '"', ','), tie('value'), { maxKeys: 3 }),
  }));
  /** Keys in another order, at every depth. */
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    return Object.fromEntries(Object.entries(value).reverse().map(([k, v]) => [k, shuffled(v)])); // prettier-ignore
  };
  /** Another value, one step away. */
  const altered = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.length === 0 ? {} : [...value.slice(0, -1), altered(value.at(-1))];
    if (value instanceof Date) return value.getTime();
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      return entries.length === 0 ? [] : Object.fromEntries(entries.map(([k, v], i) => (i === 0 ? [k, altered(v)] : [k, v])));
    }
    if (typeof value === 'string') return /^-?\d+$/.test(value) ? Number(value) : `${value} `;
    if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : String(value);
    return String(value);
  };

  it(`is equal exactly for equal snapshots (${PAIRS.toLocaleString('en')} pairs)`, function () {
    this.timeout(120_000);
    let equal = 0;
    fc.assert(
      fc.property(values, values, fc.constantFrom('other', 'shuffled', 'altered'), (a, b, kind) => {
        const left = takeSnapshot(a).value;
        const right = takeSnapshot(kind === 'other' ? b : kind === 'shuffled' ? shuffled(a) : altered(a)).value;
        const same = isDeepStrictEqual(left, right);
        if (same) equal += 1;
        return (canonicalDigest(left) === canonicalDigest(right)) === same;
      }),
      { numRuns: PAIRS },
    );
    // a property that never meets equal values would prove half of it
    expect(equal)
      .to.be.greaterThan(PAIRS / 5)
      .and.lessThan((PAIRS * 4) / 5);
  });
});
