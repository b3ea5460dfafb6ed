import { expect } from 'chai';
import { NULL, QuantityValue, RecordValue, SetValue } from '../../../lib/policy/value/Value.js';
import { readDatetime, readRecord, readValue } from '../../../lib/policy/value/readValue.js';

const nest = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};
const decimal = (amount: number | bigint): QuantityValue => new QuantityValue('decimal', amount);

describe('readValue', () => {
  const rows: readonly (readonly [unknown, unknown])[] = [
    [9_007_199_254_740_991, 9_007_199_254_740_991],
    [9_007_199_254_740_992, '9007199254740992'],
    [2n ** 53n, 2n ** 53n],
    [-(2n ** 53n), -(2n ** 53n)],
    [2n ** 53n + 1n, '9007199254740993'],
    [-(2n ** 53n) - 1n, '-9007199254740993'],
    [5n, 5],
    [0.5, decimal(5_000)],
    [-0.5, decimal(-5_000)],
    [0.0001, decimal(1)],
    [0.00005, '0.00005'],
    [0.1 + 0.2, '0.30000000000000004'],
    [99_999_999_999.5, decimal(999_999_999_995_000)],
    [100_000_000_000.5, decimal(1_000_000_000_005_000)],
    [-100_000_000_000.5, decimal(-1_000_000_000_005_000)],
    [922_337_203_685_476.75, decimal(9_223_372_036_854_767_500n)],
    [-922_337_203_685_476.75, decimal(-9_223_372_036_854_767_500n)],
    [922_337_203_685_477.5, '922337203685477.5'],
    [-922_337_203_685_477.5, '-922337203685477.5'],
    [100_000_000_000.00002, '100000000000.00002'],
    [1e300, '1e+300'],
    ['text', 'text'],
    ['\ud800', '\ufffd'],
    [true, true],
    [null, NULL],
    [undefined, undefined],
    [undefined, undefined],
    [new Date(5), new QuantityValue('datetime', 5)],
    [[1, null, undefined, 'x'], new SetValue([1, NULL, NULL, 'x'], true)],
    [{ a: 1, b: null, c: undefined }, new RecordValue(['a', 'b'], [1, NULL], true)],
    [{ a: [{ b: [null] }], c: [1] }, new RecordValue(['a', 'c'], [new SetValue([new RecordValue(['b'], [new SetValue([NULL], true)], true)], true), new SetValue([1])], true)], // prettier-ignore
    [Object.assign(Object.create(null), { a: 1 }), new RecordValue(['a'], [1])],
    [{ 'a\ud800': 1, b: 2 }, new RecordValue(['a\ufffd', 'b'], [1, 2])],
  ];
  for (const [value, expected] of rows) {
    const name = typeof value === 'bigint' ? `${value}n` : typeof value === 'number' ? String(value) : JSON.stringify(value);
    it(`reads ${name}`, () => expect(readValue(value)).to.deep.equal(expected));
  }

  it('reads {}', () => {
    const { names, fields } = readValue({}) as RecordValue;
    expect([names, fields]).to.deep.equal([[], []]);
  });

  it('makes -0 a 0, in every form', () => {
    for (const value of [readValue(-0), (readValue(new Date(-0)) as QuantityValue).amount, readDatetime(-0.5).amount])
      expect(Object.is(value, 0)).to.equal(true);
  });

  it('takes 64 levels, and no more', () => {
    expect(() => readValue(nest(64))).to.not.throw();
    expect(() => readValue(nest(65))).to.throw(TypeError, 'nested deeper than 64');
    expect(() => readRecord({ a: nest(63) })).to.not.throw();
    expect(() => readRecord({ a: nest(64) })).to.throw(TypeError, 'nested deeper than 64');
  });

  const refused: readonly (readonly [string, unknown, string])[] = [
    ['NaN', Number.NaN, 'the number NaN'],
    ['Infinity', Infinity, 'the number Infinity'],
    ['a function', () => 1, 'a function has no Cedar form'],
    ['a symbol', Symbol('s'), 'a symbol has no Cedar form'],
    ['a Map', new Map(), 'only plain objects'],
    ['a Promise', Promise.resolve(), 'only plain objects'],
    ['an instance', new (class Order {})(), 'only plain objects'],
    ['an invalid Date', new Date(Number.NaN), 'invalid Date'],
    ['an entity by its escape', { __entity: { type: 'T', id: 'x' } }, "the key '__entity' is not allowed"],
    ['an extension by its escape', { __extn: { fn: 'ip', arg: '1.2.3.4' } }, "the key '__extn' is not allowed"],
    [
      'an escape after a key that is not well-formed',
      { 'a\ud800': 1, __entity: { type: 'T', id: 'x' } },
      "the key '__entity' is not allowed",
    ],
    ['a missing escape after such a key', { 'a\ud800': 1, __extn: null }, "the key '__extn' is not allowed"],
    ['keys that become equal', { 'a\ud800': 1, 'a\ud801': 2 }, 'two keys are equal'],
    ['a key that becomes another', { 'a\ud800': 1, 'a\ufffd': 2 }, 'two keys are equal'],
    ['a key that becomes another before it', { 'a\ufffd': 1, 'a\ud800': 2 }, 'two keys are equal'],
  ];
  for (const [name, value, message] of refused)
    it(`refuses ${name}`, () => expect(() => readValue({ deep: [value] })).to.throw(TypeError, message));
});

describe('readRecord', () => {
  it('refuses an object that changes while it is read', () => {
    const object: Record<string, unknown> = {
      get first() {
        delete object['limit'];
        return 1;
      },
      limit: 5,
      last: 2,
    };
    // else the value of one field would be read as that of another
    expect(() => readRecord(object)).to.throw(TypeError, 'an object changed while it was read');
  });
});

describe('readDatetime', () => {
  const first = Date.parse('0000-01-01T00:00:00.000Z');
  const last = Date.parse('9999-12-31T23:59:59.999Z');

  it('cuts parts of a millisecond off, where Cedar has a text for the time', () => {
    for (const [ms, amount] of [
      [1.9, 1],
      [-1.9, -1],
      [first, first],
      [first + 0.5, first + 1],
      [last, last],
    ] as const)
      expect(readDatetime(ms)).to.deep.equal(new QuantityValue('datetime', amount));
  });

  it('takes whole milliseconds of other times', () => {
    for (const ms of [first - 1, last + 1, 8.64e15, -8.64e15]) expect(readDatetime(ms)).to.deep.equal(new QuantityValue('datetime', ms));
  });

  it('refuses what is no time', () => {
    for (const ms of [Number.NaN, Infinity, -Infinity, last + 0.5, first - 0.5, 2 ** 53])
      expect(() => readDatetime(ms)).to.throw(TypeError);
  });
});
