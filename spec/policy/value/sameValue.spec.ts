import { expect } from 'chai';
import fc from 'fast-check';
import { EntityValue, NULL, QuantityValue, RecordValue, SetValue, type Value } from '../../../lib/policy/value/Value.js';
import { addLongs, divideLong, multiplyLongs, negateLong, subtractLongs, toLong } from '../../../lib/policy/value/longs.js';
import { LikePattern } from '../../../lib/policy/value/LikePattern.js';
import { contains, containsAll, containsAny, valueKey, sameValue } from '../../../lib/policy/value/sameValue.js';
import { StepBudget, StepsExceeded } from '../../../lib/policy/value/StepBudget.js';

const { value: values } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Value>(NULL, 'n', true, false, 0, 1, 2n ** 60n, '', 'a', 's1:a', '[i1;]', new EntityValue('A::B', 'x'), new EntityValue('A', 'B::x'), new QuantityValue('decimal', 1), new QuantityValue('duration', 1)), // prettier-ignore
    fc.array(tie('value'), { maxLength: 12 }).map((items) => new SetValue(items)),
    fc
      .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', '1:a'), tie('value')), { maxLength: 3, selector: ([name]) => name })
      .map((fields) => new RecordValue(fields.map(([name]) => name), fields.map(([, field]) => field))), // prettier-ignore
  ),
}));

/** What equality means, in quadratic time. */
function naive(a: Value, b: Value): boolean {
  if (a instanceof SetValue)
    return b instanceof SetValue && [[a, b], [b, a]].every(([x, y]) => (x as SetValue).items.every((i) => (y as SetValue).items.some((j) => naive(i, j)))); // prettier-ignore
  if (a instanceof RecordValue)
    return b instanceof RecordValue && a.names.length === b.names.length && a.names.every((name, i) => b.get(name) !== undefined && naive(a.fields[i] as Value, b.get(name) as Value)); // prettier-ignore
  if (a instanceof EntityValue) return b instanceof EntityValue && a.type === b.type && a.id === b.id;
  if (a instanceof QuantityValue) return b instanceof QuantityValue && a.kind === b.kind && a.amount === b.amount;
  return a === b;
}

const budget = (): StepBudget => new StepBudget();

describe('Equality of Cedar values', () => {
  it('is what it means, and is told by keys', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const expected = naive(a, b);
        expect(sameValue(a, b, budget())).to.equal(expected);
        expect(valueKey(a, budget()) === valueKey(b, budget())).to.equal(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  it('does not depend on the order of items and fields', () => {
    const turned = (value: Value): Value => {
      if (value instanceof SetValue) return new SetValue([...value.items, ...value.items].map(turned).reverse());
      if (value instanceof RecordValue) return new RecordValue([...value.names].reverse(), [...value.fields].reverse().map(turned));
      return value;
    };
    fc.assert(
      fc.property(values, (value) => {
        expect(sameValue(value, turned(value), budget())).to.equal(true);
        expect(valueKey(turned(value), budget())).to.equal(valueKey(value, budget()));
      }),
    );
  });

  it('decides contains, containsAll and containsAny', () => {
    const sets = fc.array(values, { maxLength: 12 });
    fc.assert(
      fc.property(sets, sets, values, (a, b, value) => {
        const has = (items: readonly Value[], wanted: Value): boolean => items.some((item) => naive(item, wanted));
        const [left, right] = [new SetValue(a), new SetValue(b)];
        for (const wanted of [value, ...a.slice(0, 2)]) {
          expect(contains(new SetValue(a), wanted, budget())).to.equal(has(a, wanted));
          expect(contains(left, wanted, budget())).to.equal(has(a, wanted));
        }
        expect(containsAll(left, right, budget())).to.equal(b.every((item) => has(a, item)));
        expect(containsAny(left, right, budget())).to.equal(b.some((item) => has(a, item)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds each of many fields', () => {
    const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
    const record = new RecordValue(names, names);
    expect(names.map((name) => record.get(name))).to.deep.equal(names);
    expect([record.get('toString'), record.get('n40')]).to.deep.equal([undefined, undefined]);
  });
});

describe('like', () => {
  const matches = (pieces: string[], text: string): boolean => new LikePattern(pieces).matches(text, budget());

  /** By all ways to cut the text. */
  function naiveLike(pieces: readonly string[], text: string): boolean {
    const [first = '', ...rest] = pieces;
    if (rest.length === 0) return text === first;
    if (!text.startsWith(first)) return false;
    for (let i = first.length; i <= text.length; i++) if (naiveLike(rest, text.slice(i))) return true;
    return false;
  }

  it('takes a text exactly where there is a way to', () => {
    const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '😀'), maxLength: 3 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(pieces, fc.string({ unit: fc.constantFrom('a', 'b', '😀'), maxLength: 10 }), (pattern, text) => {
        expect(matches(pattern, text)).to.equal(naiveLike(pattern, text));
      }),
      { numRuns: 3_000 },
    );
  });

  it('gives up rather than take long', () => {
    const a = 'a'.repeat(200_000);
    expect(() => matches(['', `b${'a'.repeat(300)}`, ''], a)).to.throw(StepsExceeded);
    expect(matches(['', `b${'a'.repeat(300)}`, ''], a.slice(0, 10_000))).to.equal(false);
  });
});

describe('Longs', () => {
  const longs = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -20n, max: 20n }).chain((n) => fc.constantFrom(0n, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 3037000500n, 94906266n).map((m) => BigInt.asIntN(64, m + n))), // prettier-ignore
  );

  it('calculate as 64 bits do, and tell an overflow', () => {
    fc.assert(
      fc.property(longs, longs, fc.constantFrom(1_000, 60_000, 3_600_000, 86_400_000), (x, y, divisor) => {
        const [a, b] = [toLong(x), toLong(y)] as [number | bigint, number | bigint];
        expect(addLongs(a, b)).to.equal(toLong(x + y));
        expect(subtractLongs(a, b)).to.equal(toLong(x - y));
        expect(multiplyLongs(a, b)).to.equal(toLong(x * y));
        expect(negateLong(a)).to.equal(toLong(-x));
        expect(divideLong(a, divisor)).to.equal(toLong(x / BigInt(divisor)));
        for (const result of [multiplyLongs(a, 0), negateLong(0), divideLong(a, divisor)]) expect(Object.is(result, -0)).to.equal(false);
      }),
      { numRuns: 3_000 },
    );
  });
});
