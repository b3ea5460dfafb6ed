import { expect } from 'chai';
import { withoutSqliteWarning } from '../../lib/cli/withoutSqliteWarning.js';

describe('withoutSqliteWarning', () => {
  const shown = (...given: readonly unknown[][]): unknown[][] => {
    const seen: unknown[][] = [];
    const target = { emitWarning: (...args: unknown[]): void => void seen.push(args) };
    withoutSqliteWarning(target);
    for (const [warning, ...more] of given) target.emitWarning(warning as string, ...more);
    return seen;
  };

  it('keeps the warning of SQLite from the user', () => {
    expect(shown(['SQLite is an experimental feature and might change at any time', 'ExperimentalWarning'])).to.deep.equal([]);
  });

  it('shows every other one, as it is', () => {
    const others = [
      ['SQLite is an experimental feature and might change at any time'],
      ['SQLite is an experimental feature', 'DeprecationWarning', 'DEP1'],
      ['Something else is an experimental feature', 'ExperimentalWarning'],
      [new Error('SQLite is an experimental feature'), 'ExperimentalWarning'],
      ['a leak', { type: 'MaxListenersExceededWarning' }],
    ];
    expect(shown(...others)).to.deep.equal(others);
  });
});
