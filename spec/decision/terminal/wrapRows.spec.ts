import { expect } from 'chai';
import { wrapRows } from '../../../lib/decision/terminal/wrapRows.js';

describe('wrapRows', () => {
  it('leaves a line that fits, and marks each row that continues another', () => {
    expect(wrapRows('', 20)).to.deep.equal(['']);
    expect(wrapRows('a'.repeat(19), 20)).to.deep.equal(['a'.repeat(19)]);
    expect(wrapRows('a'.repeat(40), 20)).to.deep.equal(['a'.repeat(19), `  ↪ ${'a'.repeat(14)}`, `  ↪ ${'a'.repeat(7)}`]);
  });

  it('never makes a row wider than the terminal, whatever is in it', () => {
    for (const columns of [12, 13, 40, 80, 200.5])
      for (const text of ['日本語', 'ｱｲｳ', '😀', 'a', 'é', 'a日'])
        for (const row of wrapRows(text.repeat(200), columns)) {
          const width = Array.from(row).reduce((sum, char) => sum + (char <= '~' ? 1 : 2), 0);
          expect(width).to.be.below(columns);
        }
  });

  it('splits no pair, and loses nothing', () => {
    const text = '😀a'.repeat(50);
    expect(wrapRows(text, 15).join('').replaceAll('  ↪ ', '')).to.equal(text);
  });

  it('takes 80 columns where the terminal tells none, and never fewer than 12', () => {
    const line = 'a'.repeat(300);
    for (const columns of [undefined, 0, NaN, -1]) expect(wrapRows(line, columns)).to.deep.equal(wrapRows(line, 80));
    expect(wrapRows(line, 3)).to.deep.equal(wrapRows(line, 12));
  });
});
