import fc from 'fast-check';
import { FIRST_SAID } from './reference.js';

const ODD_TEXTS = ['', '__proto__', 'constructor', 'toString', 'toJSON', 'then', 'length', '0', '1n', '@0', '\ud800', '\udfff', '\ufffd', 'e\u0301', 'é', '\u0000', '\u2028', '😀']; // prettier-ignore
const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 6 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_TEXTS) },
);
const key = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('a', 'b', 'c', 'amount', 'text', '10', '9') },
  { weight: 2, arbitrary: text },
);
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(0, -0, 1, '1', 1n, true, 'true', 'null', undefined, new Date(1), 1e21, 2 ** 53, Number.MIN_VALUE),
);

/** Data of the kinds that a call may have; rarely with null, or a key that it may not have. */
export const plainData: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    { weight: 8, arbitrary: leaf },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 3, arbitrary: fc.array(tie('value').map((item) => item ?? 'an item'), { maxLength: 4 }) }, // prettier-ignore
    { weight: 4, arbitrary: fc.dictionary(key, tie('value'), { maxKeys: 5 }) },
  ),
})).value;

/** Everything that fast-check knows to be a value of JavaScript. */
const anything = fc.anything({ key, values: [leaf, fc.double(), fc.date()], maxDepth: 4, withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withNullPrototype: true, withObjectString: true, withSet: true, withSparseArray: true, withTypedArray: true }); // prettier-ignore

/** A property that says something else whenever it is read again. */
export function getterOf(first: unknown, later: unknown): () => unknown {
  let reads = 0;
  const get = (): unknown => (reads++ === 0 ? first : later);
  FIRST_SAID.set(get, first);
  return get;
}

type Trick = (inner: unknown, record: Record<string, unknown>) => unknown;

function nested(levels: number, inner: unknown): unknown {
  let value = inner;
  for (let n = 0; n < levels; n++) value = n % 2 === 0 ? [value] : { a: value };
  return value;
}

const define = (record: object, name: PropertyKey, property: PropertyDescriptor): object =>
  Object.defineProperty(record, name, { enumerable: true, configurable: true, ...property });

/** What stands in the way of a copy, one thing at a time. */
const TRICKS: readonly Trick[] = [
  (inner, record) => define(record, 'a', { get: getterOf(inner ?? 1, 'changed') }),
  (_, record) => define(record, 'a', { get: () => { throw new TypeError('cannot be read'); } }), // prettier-ignore
  (inner, record) => define(record, 'toJSON', { value: () => inner }),
  (inner, record) => define(record, 'toJSON', { value: () => inner, enumerable: false }),
  (inner, record) => define(record, Symbol('a'), { value: inner }),
  (inner, record) => define(record, Symbol('a'), { value: inner, enumerable: false }),
  (inner, record) => define(record, '__proto__', { value: inner }),
  (inner, record) => define(record, 'constructor', { value: { prototype: inner } }),
  (_, record) => Object.freeze(record),
  (_, record) => Object.assign(Object.create(null) as object, record),
  (_, record) => Object.create(record) as unknown,
  (_, record) => Object.assign(new (class Order {})(), record),
  (_, record) => new Proxy(record, {}),
  (inner) => new Proxy([inner], {}),
  (_, record) => new Proxy(record, { ownKeys: () => { throw new RangeError('a trap'); } }), // prettier-ignore
  (_, record) => ((record['a'] = record), record),
  (inner, record) => ((record['a'] = [inner, { b: record }]), record),
  (inner, record) => [record, record, inner ?? 0],
  (inner) => Object.assign([inner ?? 0], { named: 1 }),
  (inner) => [inner ?? 0, , 1], // oxlint-disable-line no-sparse-arrays
  (inner) => new (class List extends Array {})(3).fill(inner ?? 0),
  () => () => 'a function',
  () => Symbol('a'),
  (inner) => Promise.resolve(inner),
  (inner) => ({ then: (resolve: (value: unknown) => void) => resolve(inner) }),
  () => new WeakMap(),
  () => /a+/g,
  () => new Error('as a value'),
  () => new URL('https://example.org'),
  () => Object.assign(new Date(5), { getTime: () => 7, toJSON: () => 'never' }),
  () => new (class Day extends Date {})(5),
  () => new Date(Number.NaN),
  () => [Number.NaN, Infinity, -Infinity],
  () => new Uint8Array(8).buffer,
  (inner) => nested(29, inner ?? 0),
  (inner) => nested(30, inner ?? 0),
  (inner) => nested(31, inner ?? 0),
  (inner) => nested(5_000, inner ?? 0),
  () => Array.from({ length: 9_990 }, (_, i) => i),
  () => Array.from({ length: 10_001 }, (_, i) => i),
  () => 'x'.repeat(262_000),
  () => '😀'.repeat(70_000),
];
// the large ones cost a thousand times what the others do
const trick = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom(...TRICKS.slice(0, -5)) },
  { weight: 1, arbitrary: fc.constantFrom(...TRICKS.slice(-5)) },
);
const tricky = fc
  .tuple(trick, plainData, fc.dictionary(key, plainData, { maxKeys: 3 }), fc.constantFrom('bare', 'in a list', 'in a record'))
  .map(([make, inner, record, where]) => {
    const value = make(inner, record);
    return where === 'bare' ? value : where === 'in a list' ? [1, value] : { a: 'a', b: value };
  });

/** Any argument: data, anything at all, and what stands in the way of a copy. */
export const anyArgument: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: plainData },
  { weight: 2, arbitrary: anything },
  { weight: 3, arbitrary: tricky },
);
