import { EMPTY_ROOT, nodeHash } from './leafHash.js';
import { splitOf, subtreeRoot } from './subtree.js';

/**
 * Proves that a tree began as an earlier one: nothing of it was changed or removed (RFC 6962, 2.1.2).
 *
 * @param leaves the hashes of all records of the later tree
 * @param size how many records the earlier tree has
 * @throws RangeError where it has more than the later one
 */
export function consistencyProof(leaves: readonly Buffer[], size: number): readonly Buffer[] {
  if (!Number.isSafeInteger(size) || size < 0 || size > leaves.length)
    throw new RangeError(`A tree of ${leaves.length} records did not begin as one of ${size}.`);
  if (size === 0 || size === leaves.length) return [];
  const proof: Buffer[] = [];
  let [start, end] = [0, leaves.length];
  let isWhole = true;
  // down to the subtree that is the end of the earlier tree
  while (size !== end) {
    const middle = start + splitOf(end - start);
    if (size <= middle) {
      proof.unshift(subtreeRoot(leaves, middle, end));
      end = middle;
    } else {
      proof.unshift(subtreeRoot(leaves, start, middle));
      start = middle;
      isWhole = false;
    }
  }
  return isWhole ? proof : [subtreeRoot(leaves, start, end), ...proof];
}

/** A tree by its size and root. */
export interface TreeHead {
  /** How many leaves it has. */
  readonly size: number;
  /** Its root. */
  readonly root: Uint8Array;
}

/** Whether a proof shows that the later tree began as the earlier one (RFC 9162, 2.1.4.2). */
export function verifyConsistency(earlier: TreeHead, later: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (!isHead(earlier) || !isHead(later) || earlier.size > later.size) return false;
  if (earlier.size === later.size) return proof.length === 0 && Buffer.compare(earlier.root, later.root) === 0;
  if (earlier.size === 0) return proof.length === 0;
  // where the earlier tree is one full subtree, its root is the first node
  const [first, ...rest] = isPowerOfTwo(earlier.size) ? [earlier.root, ...proof] : proof;
  if (first === undefined) return false;
  let [at, last] = [earlier.size - 1, later.size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let [before, after] = [first, first];
  for (const node of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = nodeHash(node, before);
      after = nodeHash(node, after);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      after = nodeHash(after, node);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && Buffer.compare(before, earlier.root) === 0 && Buffer.compare(after, later.root) === 0;
}

/** A tree without records has the one root that such a tree has. */
function isHead({ size, root }: TreeHead): boolean {
  return Number.isSafeInteger(size) && size >= 0 && (size > 0 || Buffer.compare(root, EMPTY_ROOT) === 0);
}

function isPowerOfTwo(size: number): boolean {
  let rest = size;
  while (rest % 2 === 0) rest /= 2;
  return rest === 1;
}

function half(n: number): number {
  return Math.floor(n / 2);
}
