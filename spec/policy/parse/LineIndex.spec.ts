import { expect } from 'chai';
import { fromByteOffset, LineIndex } from '../../../lib/policy/parse/LineIndex.js';

describe('LineIndex', () => {
  it('finds lines and columns, both from 1', () => {
    const lines = new LineIndex('ab\n\ncd');
    expect([0, 2, 3, 4, 6].map((offset) => lines.at(offset))).to.deep.equal([
      { line: 1, column: 1 },
      { line: 1, column: 3 },
      { line: 2, column: 1 },
      { line: 3, column: 1 },
      { line: 3, column: 3 },
    ]);
  });

  it('turns byte offsets into UTF-16 ones', () => {
    expect(fromByteOffset('é😀x', 0)).to.equal(0);
    expect(fromByteOffset('é😀x', 2)).to.equal(1);
    expect(fromByteOffset('é😀x', 6)).to.equal(3);
  });
});
