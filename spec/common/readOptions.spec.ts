import { expect } from 'chai';
import { digits, got, readOptions } from '../../lib/common/readOptions.js';
import type { OptionKinds } from '../../lib/common/readOptions.js';

/** What is wrong, one `name message` each. */
function problemsOf(given: unknown, kinds: OptionKinds<Record<string, unknown>>): readonly string[] {
  const found: string[] = [];
  readOptions<Record<string, unknown>>(given, kinds, (name, message) => found.push(`${name} ${message}`));
  return found;
}

describe('readOptions', () => {
  /** Values of each kind, others, and how the kind is called. */
  const kinds: Readonly<Record<string, readonly [good: readonly unknown[], bad: readonly unknown[], be: string]>> = {
    string: [['a', ''], [1, null, []], 'a string'],
    text: [['a'], ['', 1, null], 'a string that is not empty'],
    boolean: [[true, false], ['true', 0, null], 'true or false'],
    function: [[() => 1, class {}], [{}, 'f', null], 'a function'],
    null: [[null], [0, '', {}], 'null'],
    object: [[{}, new Date()], [[], null, () => 1], 'an object'],
    list: [[[], [1]], [{ length: 0 }, 'a', null], 'a list'],
    strings: [[[], ['a']], [['a', 1], 'a', null], 'a list of strings'],
    number: [[0, -1, 1.5, Infinity], [NaN, '1', 1n], 'a number'],
    ms: [[0.5, 1, Infinity], [0, -1, NaN, '1'], 'a number of milliseconds above 0'],
    age: [[0, 1, Infinity], [-1, NaN, '1', null], 'a number, 0 or more'],
    count: [[0, 1, Infinity], [-1, 1.5, NaN, '1'], 'a whole number, 0 or more'],
    any: [[null, NaN, Symbol('a')], [], 'anything'],
    "'wait'|'throw'": [['wait', 'throw'], ['Wait', '', 1, null], "'wait' or 'throw'"],
    "text|null|'wait'": [['a', null], ['', 1, {}], "a string that is not empty, null or 'wait'"],
  };
  for (const [kind, [good, bad, be]] of Object.entries(kinds))
    it(`takes ${be}, and nothing else, where that is the kind`, () => {
      for (const value of good) expect(problemsOf({ a: value }, { a: kind })).to.deep.equal([]);
      for (const value of bad) {
        const [problem, ...more] = problemsOf({ a: value }, { a: kind });
        expect(problem).to.include(`a must be ${be} (got ${got(value)})`);
        expect(more).to.deep.equal([]);
      }
      expect(problemsOf({}, { a: `${kind}!` })).to.deep.equal(['a is missing; it is required.']);
      expect(problemsOf({ a: undefined }, { a: kind })).to.deep.equal([]);
    });

  it('names a value that was nearly meant, and an option', () => {
    expect(problemsOf({ mode: 'thrown' }, { mode: "'wait'|'throw'" })[0]).to.include("did you mean 'throw'?");
    expect(problemsOf({ modes: 'wait' }, { mode: "'wait'" })[0]).to.equal("modes is not an option; did you mean 'mode'?");
    expect(problemsOf({ [Symbol('x')]: 1, zzzzzz: 1 }, { mode: 'any', other: 'any' })).to.deep.equal([
      'zzzzzz is not an option; the options are mode, other.',
      'Symbol(x) is not an option; the options are mode, other.',
    ]);
  });

  it('takes plain objects alone', () => {
    for (const [given, name] of [
      [[], 'a list'],
      [null, 'null'],
      ['x', 'a string of 1 characters'],
      [() => 1, 'a function'],
      [new (class Own {})(), 'a class instance'],
    ] as const)
      expect(problemsOf(given, { a: 'any' })[0])
        .to.include('must be a plain object of options (got ')
        .and.include(name);
  });

  it('describes values without showing a text', () => {
    expect([got('CANARY'), got(''), got(1_234.5), got(NaN), got(null), got(true), got([1]), got({}), got(5n)]).to.deep.equal([
      'a string of 6 characters',
      'an empty string',
      '1,234.5',
      'NaN',
      'null',
      'true',
      'a list',
      'an object',
      'a bigint',
    ]);
    expect([999, 1_000, 1_234_567].map(digits)).to.deep.equal(['999', '1,000', '1,234,567']);
  });
});
