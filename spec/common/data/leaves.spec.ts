import { expect } from 'chai';
import { leavesOf, pathText } from '../../../lib/common/data/leaves.js';

describe('leavesOf', () => {
  it('names every leaf by its path', () => {
    const at = new Date(0);
    const value = { a: 1, list: [{ x: null, 'odd key': true }, [], 'b'], empty: {}, at, 'a.b': 5n, а: 'Cyrillic', '': 0 };
    expect(leavesOf(value).map(({ path, value: leaf }) => [pathText(path), leaf])).to.deep.equal([
      ['a', 1],
      ['list[0].x', null],
      ['list[0]["odd key"]', true],
      ['list[1]', []],
      ['list[2]', 'b'],
      ['empty', {}],
      ['at', at],
      ['["a.b"]', 5n],
      ['а', 'Cyrillic'],
      ['[""]', 0],
    ]);
    expect(leavesOf('x')).to.deep.equal([{ path: [], value: 'x' }]);
    expect(pathText([])).to.equal('');
    expect(pathText(['a', '0', 0, '[0]'])).to.equal('a.0[0]["[0]"]');
  });
});
