import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { CompactTree } from '../../../lib/audit/tree/CompactTree.js';
import { EMPTY_ROOT, leafHash, nodeHash, binarySha256By, readHash } from '../../../lib/audit/tree/leafHash.js';
import { subtreeRoot } from '../../../lib/audit/tree/subtree.js';
import { LEAVES, ROOTS, vectorLeaves } from './vectors.js';

describe('The tree of a log', () => {
  it('has the roots of the vectors of Certificate Transparency, for 0 to 8 records', () => {
    for (const [size, root] of ROOTS.entries()) {
      const tree = new CompactTree();
      for (const leaf of vectorLeaves(size)) tree.appendHash(leaf);
      expect(tree.size).to.equal(size);
      expect(tree.root().toString('hex')).to.equal(root);
      expect(subtreeRoot(vectorLeaves(size), 0, size).toString('hex')).to.equal(root);
    }
    expect(LEAVES).to.have.length(ROOTS.length - 1);
  });

  it('hashes the UTF-8 of a line behind a zero byte', () => {
    for (const line of ['', '{"a":"é\u{1f600}"}', '\ufffd'])
      expect(leafHash(line)).to.deep.equal(createHash('sha256').update(Buffer.of(0)).update(line, 'utf8').digest());
    expect(leafHash('').toString('hex')).to.equal(ROOTS[1]);
  });

  it('goes on from what is kept of it, at each of 200 sizes', () => {
    let kept = new CompactTree();
    const leaves: Buffer[] = [];
    for (let i = 0; i < 200; i++) {
      kept = CompactTree.from(JSON.parse(JSON.stringify(kept.state())) as ReturnType<CompactTree['state']>);
      kept.append(`record ${i}`);
      leaves.push(leafHash(`record ${i}`));
      expect(kept.root()).to.deep.equal(subtreeRoot(leaves, 0, i + 1));
    }
  });

  it('is copied, and goes on by itself', () => {
    const tree = new CompactTree();
    for (let i = 0; i < 7; i++) tree.append(`record ${i}`);
    const before = tree.state();
    const copy = tree.copy();
    expect(copy.state()).to.deep.equal(before);
    copy.append('next');
    expect(tree.state()).to.deep.equal(before);
    tree.append('next');
    expect(copy.state()).to.deep.equal(tree.state());
  });

  it('goes on at a size that does not fit into 32 bits', () => {
    const size = 2 ** 40 + 1;
    const [left, last] = [leafHash('left'), leafHash('last')];
    const tree = CompactTree.from({ size, nodes: [left.toString('base64'), last.toString('base64')] });
    tree.append('next');
    expect(tree.size).to.equal(size + 1);
    expect(tree.root()).to.deep.equal(nodeHash(left, nodeHash(last, leafHash('next'))));
  });

  for (const [what, state] of [
    ['a size that is not a number', { size: Number.NaN, nodes: [] }],
    ['a negative size', { size: -1, nodes: [] }],
    ['a node too many', { size: 0, nodes: [EMPTY_ROOT.toString('base64')] }],
    ['a node too few', { size: 3, nodes: [EMPTY_ROOT.toString('base64')] }],
    ['a node that is too short', { size: 1, nodes: ['AAAA'] }],
    ['a node in another writing', { size: 1, nodes: [EMPTY_ROOT.toString('base64url')] }],
  ] as const)
    it(`does not go on from ${what}`, () => expect(() => CompactTree.from(state)).to.throw(RangeError));

  it('hashes the same where a runtime has no crypto.hash', () => {
    expect(binarySha256By(undefined)('a')).to.equal(createHash('sha256').update('a').digest('binary'));
  });

  it('reads a hash in the one way in which it is written', () => {
    const text = leafHash('a').toString('base64');
    expect(readHash(text)).to.deep.equal(leafHash('a'));
    for (const other of [`${text} `, text.slice(0, -1), text.slice(4), `${text}AAAA`, '']) expect(readHash(other)).to.equal(undefined);
  });
});
