import { EMPTY_ROOT, nodeHash } from './leafHash.js';

/** The root over the leaves from `start` to before `end` (RFC 6962, 2.1). */
export function subtreeRoot(leaves: readonly Buffer[], start: number, end: number): Buffer {
  if (start === end) return EMPTY_ROOT;
  if (end - start === 1) return leaves[start] as Buffer;
  const middle = start + splitOf(end - start);
  return nodeHash(subtreeRoot(leaves, start, middle), subtreeRoot(leaves, middle, end));
}

/** How many of more than one leaf are on the left: the largest power of two below their number. */
export function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}
