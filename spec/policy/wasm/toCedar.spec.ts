import { expect } from 'chai';
import { type CedarRecord, type CedarValue, toCedar as write } from '../../../lib/policy/wasm/toCedar.js';
import { EntityValue, IpValue, RecordValue, wellFormed } from '../../../lib/policy/value/Value.js';
import { LITERALS } from '../../../lib/policy/value/literals.js';
import { readDatetime, readValue } from '../../../lib/policy/value/readValue.js';
import { callOf, engineOf, wasmEngineOf } from '../../support/policyCalls.js';

const decimal = (arg: string): object => ({ __extn: { fn: 'decimal', arg } });

function toCedar(data: unknown): CedarValue | undefined {
  const value = readValue(data);
  return value === undefined ? undefined : write(value);
}

describe('toCedar', () => {
  const same: unknown[] = [true, 'text', 0, -5, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  for (const value of same) it(`keeps ${JSON.stringify(value)}`, () => expect(toCedar(value)).to.equal(value));

  const cases: [string, unknown, unknown][] = [
    ['-0 to 0', -0, 0],
    ['5000.5 to decimal', 5000.5, decimal('5000.5000')],
    ['-0.0001 to decimal', -0.0001, decimal('-0.0001')],
    ['0.00001 to String', 0.00001, '0.00001'],
    ['a sum that is not exact to String', 0.1 + 0.2, '0.30000000000000004'],
    ['a number beyond decimals to String', 922_337_203_685_477.5, '922337203685477.5'],
    ['an integer beyond Long to String', 2 ** 53, '9007199254740992'],
    ['a small BigInt to Long', 5n, 5],
    ['2^53 as BigInt to Long', 2n ** 53n, 2 ** 53],
    ['a BigInt beyond 2^53 to String', -(2n ** 53n) - 1n, '-9007199254740993'],
    ['a Date to datetime', new Date(0), { __extn: { fn: 'datetime', arg: '1970-01-01T00:00:00.000Z' } }],
    ['lone surrogates to U+FFFD', 'a\ud800b\udc00😀', 'a\ufffdb\ufffd😀'],
  ];
  for (const [what, value, expected] of cases) it(`turns ${what}`, () => expect(toCedar(value)).to.deep.equal(expected));

  it('makes records without a prototype, of own keys', () => {
    const inherited = Object.assign(Object.create(null), { a: 1, b: undefined, 'c\ud800': { d: undefined } });
    const record = toCedar(inherited) as CedarRecord;
    expect(Object.getPrototypeOf(record)).to.equal(null);
    expect(Object.entries(record).map(([key, value]) => [key, JSON.stringify(value)])).to.deep.equal([
      ['a', '1'],
      ['c\ufffd', '{}'],
    ]);
    expect('toString' in record).to.equal(false);
  });

  it('refuses null, which cedar-wasm would take for something that is absent', () => {
    for (const value of [null, [1, null], { a: null }, [{ a: [null] }]]) expect(() => toCedar(value)).to.throw(TypeError, 'no null');
  });

  for (const key of ['__proto__', 'constructor', 'prototype', '__entity', '__extn', '__expr'])
    it(`refuses the key ${key} at any depth`, () => {
      expect(() => toCedar(JSON.parse(`{"${key}":1}`))).to.throw(TypeError, key);
      expect(() => toCedar([{ a: JSON.parse(`{"${key}":null}`) }])).to.throw(TypeError, key);
    });

  it('refuses keys that become equal, in either order', () => {
    expect(() => toCedar({ 'a\ud800': 1, 'a\udc00': 2 })).to.throw('equal');
    expect(() => toCedar({ 'a\ud800': 1, 'a\ufffd': 2 })).to.throw('equal');
    expect(() => toCedar({ 'a\ufffd': 2, 'a\ud800': 1 })).to.throw('equal');
  });

  const refused: [string, unknown][] = [
    ['NaN', Number.NaN],
    ['Infinity', Infinity],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a Promise', Promise.resolve(1)],
    ['a Map', new Map()],
    ['a class instance', new (class A {})()],
    ['an invalid Date', new Date(Number.NaN)],
  ];
  for (const [what, value] of refused) it(`refuses ${what}`, () => expect(() => toCedar({ a: [value] })).to.throw(TypeError));

  it('refuses entities and addresses: data cannot pose as either', () => {
    for (const value of [new EntityValue('Aegis::Role', 'admin'), new IpValue(4, 1n, 32)])
      expect(() => write(new RecordValue(['a'], [value]))).to.throw(TypeError, 'no entities and no addresses');
  });

  it('writes a duration in the one form that Cedar takes for all of them', () => {
    for (const [text, arg] of [
      ['-1d', '-86400000ms'],
      ['9223372036854775807ms', '9223372036854775807ms'],
    ] as const)
      // prettier-ignore
      expect(write(LITERALS.duration(text)!)).to.deep.equal({ __extn: { fn: 'duration', arg } });
  });

  it('refuses depth before it overflows', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(() => toCedar(deep)).to.throw('deeper');
  });

  it('makes ids well-formed', () => expect(wellFormed('a\udfff')).to.equal('a\ufffd'));

  for (const [name, make] of [
    ['cedar-wasm', wasmEngineOf],
    ['compiled policies', engineOf],
  ] as const)
    describe(`as ${name} read it`, () => {
      const holds = (condition: string, value: unknown): string =>
        make(`@id("a") permit (principal, action, resource) when { ${condition} };`).evaluate(callOf({ a: value })).effect;

      const readings: [string, unknown][] = [
        ['context.input.a == 9007199254740992', 2n ** 53n],
        ['context.input.a == -9007199254740992', -(2n ** 53n)],
        ['context.input.a == "9007199254740993"', 2n ** 53n + 1n],
        ['context.input.a == 0', -0],
        ['context.input.a.lessThan(decimal("-0.4"))', -0.5],
        ['context.input.a == decimal("922337203685476.5")', 922_337_203_685_476.5],
        ['context.input.a == datetime("2024-02-29T12:00:00.001Z")', new Date('2024-02-29T12:00:00.001Z')],
        ['context.input.a < datetime("0001-01-01")', new Date(-8.64e15)],
        ['context.input.a > datetime("9999-12-31T23:59:59.999Z")', new Date(8.64e15)],
        ['context.input.a < datetime("0000-01-01T00:00:00.001Z")', new Date(new Date(0).setUTCFullYear(0, 0, 1))],
        ['context.input.a == ["x", "y"]', ['y', 'x', 'y']],
        ['!(context.input has a)', undefined],
        ['context.input.a like "*\u{fffd}"', 'x\ud800'],
        ['context.input.a == {b: {c: 1}}', { b: { c: 1, d: undefined } }],
        ['context.system.now == datetime("1970-01-01")', 1],
      ];
      for (const [condition, value] of readings) it(condition, () => expect(holds(condition, value)).to.equal('allow'));

      it('denies a float compared as a Long, and a text', () => {
        expect(holds('context.input.a > 1000', 5000)).to.equal('allow');
        expect(holds('context.input.a > 1000', 5000.5)).to.equal('deny');
        expect(holds('context.input.a > 1000', '5000')).to.equal('deny');
      });

      it('takes the largest snapshot without a trap', () => {
        let deep: unknown = 1;
        for (let i = 0; i < 31; i++) deep = i % 2 === 0 ? [deep] : { deep };
        const wide = Array.from({ length: 3_300 }, (_, i) => ({ id: i, name: 'x' }));
        for (const value of [deep, wide, 'ab'.repeat(131_072)])
          expect(holds('context.input.a == context.input.a', value), typeof value).to.equal('allow');
      });
    });

  it('reads points in time, whole milliseconds within the years that Cedar knows', () => {
    expect(readDatetime(1.9)).to.deep.include({ kind: 'datetime', amount: 1 });
    expect(Object.is(readDatetime(-0.5).amount, 0)).to.equal(true);
    for (const ms of [Number.NaN, Infinity, 1e300, 253_402_300_799_999.5]) expect(() => readDatetime(ms)).to.throw(TypeError);
  });
});
