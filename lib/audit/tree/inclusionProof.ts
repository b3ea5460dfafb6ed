import { nodeHash } from './leafHash.js';
import { splitOf, subtreeRoot } from './subtree.js';

/**
 * Proves that a record is in a tree: the hashes that lead from its leaf to the root (RFC 6962, 2.1.1).
 *
 * @param leaves the hashes of all records of the tree
 * @param index the record
 * @throws RangeError where there is no such record
 */
export function inclusionProof(leaves: readonly Buffer[], index: number): readonly Buffer[] {
  if (!Number.isSafeInteger(index) || index < 0 || index >= leaves.length)
    throw new RangeError(`There is no record ${index} in a tree of ${leaves.length}.`);
  const proof: Buffer[] = [];
  let [start, end] = [0, leaves.length];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      proof.unshift(subtreeRoot(leaves, middle, end));
      end = middle;
    } else {
      proof.unshift(subtreeRoot(leaves, start, middle));
      start = middle;
    }
  }
  return proof;
}

/** What an inclusion proof is about. */
export interface ProvenInclusion {
  /** The hash of the record. */
  readonly leaf: Uint8Array;
  /** Its position. */
  readonly index: number;
  /** How many records the tree has. */
  readonly size: number;
  /** The root that the proof leads to. */
  readonly root: Uint8Array;
}

/** Whether a proof shows that the record is at that position of the tree (RFC 9162, 2.1.3.2). */
export function verifyInclusion({ leaf, index, size, root }: ProvenInclusion, proof: readonly Uint8Array[]): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  let [at, last] = [index, size - 1];
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && Buffer.compare(hash, root) === 0;
}

function half(n: number): number {
  return Math.floor(n / 2);
}
