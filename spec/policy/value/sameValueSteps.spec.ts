import { expect } from 'chai';
import { RecordValue, SetValue, type Value } from '../../../lib/policy/value/Value.js';
import { contains, containsAll, containsAny, sameValue } from '../../../lib/policy/value/sameValue.js';
import { StepBudget } from '../../../lib/policy/value/StepBudget.js';

describe('What comparing takes', () => {
  /** The steps of a comparison, the first time and then again. */
  function steps(compare: (budget: StepBudget) => unknown): number[] {
    return [0, 1].map(() => {
      let taken = 0;
      compare({ take: (more: number) => void (taken += more) } as unknown as StepBudget);
      return taken;
    });
  }
  const x40 = 'x'.repeat(40);
  const set = (...items: Value[]): SetValue => new SetValue(items);
  const record = (fields: Record<string, Value>): RecordValue => new RecordValue(Object.keys(fields), Object.values(fields));

  const rows: readonly (readonly [string, () => (budget: StepBudget) => unknown, number[]])[] = [
    ['a fourth of a text', () => (budget) => sameValue(x40, `${x40}x`, budget), [10, 10]],
    ['nothing for a number', () => (budget) => sameValue(1, 2, budget), [0, 0]],
    [
      'nothing for what is one object',
      () =>
        (
          (one) => (budget: StepBudget) =>
            sameValue(one, one, budget)
        )(set(x40)),
      [0, 0],
    ],
    ['64 for each field of a record', () => (budget) => sameValue(record({ a: 1, b: 2 }), record({ b: 2, a: 1 }), budget), [128, 128]],
    ['nothing for records of different sizes', () => (budget) => sameValue(record({ a: 1 }), record({ a: 1, b: 2 }), budget), [0, 0]],
    [
      '16 for each scalar of two sets, a fourth of its texts, and one for each member; the members are kept',
      () => {
        const [a, b] = [set(1, x40), set(x40, 1)];
        return (budget) => sameValue(a, b, budget);
      },
      [(16 + 26) * 2 + 2, 2],
    ],
    [
      '64 for each composite of a set, and its key once',
      () => {
        const [a, b] = [set(set(1), set(2)), set(set(2), set(1))];
        return (budget) => sameValue(a, b, budget);
      },
      // of each inner set: as an item, its one item, and a fourth of '[i1;]'
      [(64 + 64 + 1) * 4 + 2, 2],
    ],
    [
      '64 for each field of a record in a set',
      () => {
        const [a, b] = [set(record({ a: 1 })), record({ a: 1 })];
        return (budget) => contains(a, b, budget);
      },
      // '{1:ai1;}' for the item, and for what is looked for
      [64 + (64 + 2) + (64 + 2), 0],
    ],
    [
      'a fourth of what is compared with each of up to eight scalars',
      () => (budget) => contains(set(x40, 1, 'y', x40), x40, budget),
      [10, 10],
    ],
    [
      'as much as the eighth',
      () => {
        const eight = set(1, 2, 3, 4, 5, 6, 7, 8);
        return (budget) => contains(eight, 8, budget);
      },
      [0, 0],
    ],
    [
      'the members of more than eight, once, and a fourth of the text',
      () => {
        const nine = set(1, 2, 3, 4, 5, 6, 7, 8, 9);
        return (budget) => contains(nine, x40, budget);
      },
      [9 * 16 + 10, 10],
    ],
    [
      'one for each that has to be contained',
      () => {
        const [all, some] = [set(1, 2, 3), set(1, 2)];
        return (budget) => containsAll(all, some, budget);
      },
      [3 * 16 + 2, 2],
    ],
    [
      'one for each that may be contained',
      () => {
        const [all, some] = [set(1, 2, 3), set(8, 9)];
        return (budget) => containsAny(all, some, budget);
      },
      [3 * 16 + 2, 2],
    ],
  ];
  for (const [name, make, expected] of rows) it(name, () => expect(steps(make())).to.deep.equal(expected));

  it('makes no key of what is looked for where nothing has one', () => {
    const wanted = set(1);
    expect(contains(set(1, 2), wanted, new StepBudget())).to.equal(false);
    expect(wanted.key).to.equal(undefined);
  });
});
