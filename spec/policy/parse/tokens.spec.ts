import { expect } from 'chai';
import { splitPolicies } from '../../../lib/policy/parse/tokens.js';

describe('splitPolicies', () => {
  it('cuts at semicolons outside of texts and comments, and tells where each policy starts', () => {
    const text = '// a; b\n@id("x;y\\";") permit (a, b, c); // tail;\r\n\n  forbid (a, b, c) when { x // ; \n };\n// end';
    const pieces = splitPolicies(text);
    expect(pieces.map((piece) => piece.text)).to.deep.equal(['@id("x;y\\";") permit (a, b, c);', 'forbid (a, b, c) when { x // ; \n };']);
    expect(pieces.map(({ start }) => start)).to.deep.equal([8, text.indexOf('forbid')]);
  });

  it('keeps what no semicolon ends, for Cedar to complain about', () => {
    expect(splitPolicies('permit (a, b, c) "open').map((piece) => piece.text)).to.deep.equal(['permit (a, b, c) "open']);
    expect(splitPolicies(' // nothing')).to.deep.equal([]);
  });

  it('takes a text of a megabyte that is never closed', () => {
    expect(splitPolicies(`"${'\\"'.repeat(500_000)}`)).to.have.length(1);
  });
});
