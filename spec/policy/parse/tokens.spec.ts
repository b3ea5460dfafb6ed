import { expect } from 'chai';
import { type PolicyText, splitPolicies } from '../../../lib/policy/parse/tokens.js';

const piecesOf = (text: string): PolicyText[] => [...splitPolicies(text)].filter((piece) => piece !== undefined);

describe('splitPolicies', () => {
  it('cuts at semicolons outside of texts and comments, and tells where each policy starts', () => {
    const text = '// a; b\n@id("x;y\\";") permit (a, b, c); // tail;\r\n\n  forbid (a, b, c) when { x // ; \n };\n// end';
    const pieces = piecesOf(text);
    expect(pieces.map((piece) => piece.text)).to.deep.equal(['@id("x;y\\";") permit (a, b, c);', 'forbid (a, b, c) when { x // ; \n };']);
    expect(pieces.map(({ start }) => start)).to.deep.equal([8, text.indexOf('forbid')]);
  });

  it('keeps what no semicolon ends, for Cedar to complain about', () => {
    expect(piecesOf('permit (a, b, c) "open').map((piece) => piece.text)).to.deep.equal(['permit (a, b, c) "open']);
    expect(piecesOf(' // nothing')).to.deep.equal([]);
  });

  it('takes a text of a megabyte that is never closed', () => {
    expect(piecesOf(`"${'\\"'.repeat(500_000)}`)).to.have.length(1);
  });

  it('pauses within a policy of many tokens', () => {
    const text = `permit (principal, action, resource) when { ${'1 '.repeat(2_500)} };`;
    expect([...splitPolicies(text)].map((piece) => piece?.text)).to.deep.equal([undefined, undefined, text]);
  });
});
