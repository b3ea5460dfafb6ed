import { expect } from 'chai';
import { consistencyProof, verifyConsistency } from '../../../lib/audit/tree/consistencyProof.js';
import { inclusionProof, verifyInclusion } from '../../../lib/audit/tree/inclusionProof.js';
import { EMPTY_ROOT, leafHash } from '../../../lib/audit/tree/leafHash.js';
import { subtreeRoot } from '../../../lib/audit/tree/subtree.js';
import { counted } from '../../support/assurance.js';
import { ROOTS, vectorLeaves } from './vectors.js';

const SIZES = 48;
const leaves = Array.from({ length: SIZES }, (_, i) => leafHash(`record ${i}`));
const roots = Array.from({ length: SIZES + 1 }, (_, size) => subtreeRoot(leaves, 0, size));

const INCLUSION: readonly (readonly [index: number, size: number, proof: readonly string[]])[] = [
  [0, 1, []],
  [0, 2, ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7']],
  [1, 2, ['6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d']],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    1,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
];

const CONSISTENCY: readonly (readonly [from: number, size: number, proof: readonly string[]])[] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
];

describe('Inclusion proofs', () => {
  for (const [index, size, proof] of INCLUSION)
    it(`are those of the vectors for record ${index} of ${size}`, () => {
      const vector = vectorLeaves(size);
      expect(inclusionProof(vector, index).map(hex)).to.deep.equal(proof);
      const proven = { leaf: vector[index] as Buffer, index, size, root: Buffer.from(ROOTS[size] as string, 'hex') };
      expect(verifyInclusion(proven, proof.map(bytes))).to.equal(true);
    });

  it(`hold for each record of each tree of up to ${SIZES} records, and for nothing else`, function () {
    let [cases, wrong] = [0, 0];
    const check = (expected: boolean, actual: boolean): void => {
      cases += 1;
      if (expected !== actual) wrong += 1;
    };
    for (let size = 1; size <= SIZES; size++)
      for (let index = 0; index < size; index++) {
        const proof = inclusionProof(leaves.slice(0, size), index);
        const proven = { leaf: leaves[index] as Buffer, index, size, root: roots[size] as Buffer };
        check(true, verifyInclusion(proven, proof));
        check(false, verifyInclusion({ ...proven, leaf: leafHash('other') }, proof));
        check(false, verifyInclusion({ ...proven, index: index + 1 }, proof));
        check(false, verifyInclusion({ ...proven, root: EMPTY_ROOT }, proof));
        check(false, verifyInclusion(proven, [...proof, EMPTY_ROOT]));
        for (let i = 0; i < proof.length; i++) {
          check(false, verifyInclusion(proven, proof.with(i, flipped(proof[i] as Buffer))));
          check(false, verifyInclusion(proven, proof.toSpliced(i, 1)));
        }
      }
    counted({ what: 'inclusion proofs, right and broken', cases, wrong });
    expect(wrong).to.equal(0);
  });

  it('are not made for a record that is not there, nor believed', () => {
    for (const index of [-1, 3, 0.5, Number.NaN]) {
      expect(() => inclusionProof(leaves.slice(0, 3), index)).to.throw(RangeError);
      expect(verifyInclusion({ leaf: EMPTY_ROOT, index, size: 3, root: EMPTY_ROOT }, [])).to.equal(false);
    }
    expect(verifyInclusion({ leaf: EMPTY_ROOT, index: 0, size: 1.5, root: EMPTY_ROOT }, [])).to.equal(false);
  });
});

describe('Consistency proofs', () => {
  for (const [from, size, proof] of CONSISTENCY)
    it(`are those of the vectors from ${from} to ${size}`, () => {
      expect(consistencyProof(vectorLeaves(size), from).map(hex)).to.deep.equal(proof);
      expect(verifyConsistency(head(from, ROOTS[from]), head(size, ROOTS[size]), proof.map(bytes))).to.equal(true);
    });

  it(`hold for each pair of trees of up to ${SIZES} records, and for nothing else`, () => {
    let [cases, wrong] = [0, 0];
    const check = (expected: boolean, actual: boolean): void => {
      cases += 1;
      if (expected !== actual) wrong += 1;
    };
    for (let size = 0; size <= SIZES; size++)
      for (let from = 0; from <= size; from++) {
        const proof = consistencyProof(leaves.slice(0, size), from);
        const [earlier, later] = [treeOf(from), treeOf(size)];
        check(true, verifyConsistency(earlier, later, proof));
        check(false, verifyConsistency(earlier, later, [...proof, EMPTY_ROOT]));
        check(false, verifyConsistency({ ...earlier, root: leafHash('other') }, later, proof));
        if (from > 0) check(false, verifyConsistency(earlier, { ...later, root: leafHash('other') }, proof));
        if (from < size) check(false, verifyConsistency(later, earlier, proof));
        for (let i = 0; i < proof.length; i++) {
          check(false, verifyConsistency(earlier, later, proof.with(i, flipped(proof[i] as Buffer))));
          check(false, verifyConsistency(earlier, later, proof.toSpliced(i, 1)));
        }
      }
    counted({ what: 'consistency proofs, right and broken', cases, wrong });
    expect(wrong).to.equal(0);
  });

  it('are not made from a tree that is larger, nor believed of sizes that are not any', () => {
    for (const size of [-1, 4, 0.5, Number.NaN]) expect(() => consistencyProof(leaves.slice(0, 3), size)).to.throw(RangeError);
    for (const size of [-1, 0.5, Number.NaN]) expect(verifyConsistency({ size, root: EMPTY_ROOT }, treeOf(3), [])).to.equal(false);
    expect(verifyConsistency(treeOf(3), treeOf(5), [])).to.equal(false);
  });
});

function treeOf(size: number): { size: number; root: Buffer } {
  return { size, root: roots[size] as Buffer };
}

function head(size: number, root = ''): { size: number; root: Buffer } {
  return { size, root: bytes(root) };
}

function flipped(hash: Buffer): Buffer {
  const other = Buffer.from(hash);
  other[0] = (other[0] as number) ^ 1;
  return other;
}

function hex(hash: Buffer): string {
  return hash.toString('hex');
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
