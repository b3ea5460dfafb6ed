import { binaryLeaf, binaryNode, bytesOfHash, EMPTY_ROOT, readHash } from './leafHash.js';
import type { BinaryHash } from './leafHash.js';

/** A tree as it is kept: enough to go on with it. */
export interface CompactState {
  /** How many records it has. */
  readonly size: number;
  /** The roots of the full subtrees from left to right, base64: one for each bit that is set in `size`. */
  readonly nodes: readonly string[];
}

/**
 * The Merkle tree of a log (RFC 6962), as far as it is needed to append and to know its root: one hash for each full subtree, 40 hashes for a million million
 * records.
 */
export class CompactTree {
  readonly #nodes: BinaryHash[] = [];
  #size = 0;

  /**
   * Goes on with a tree that was kept.
   *
   * @throws RangeError where it cannot be one
   */
  static from({ size, nodes }: CompactState): CompactTree {
    const tree = new CompactTree();
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError('The size of a tree must be a whole number from 0 on.');
    if (nodes.length !== bitsOf(size)) throw new RangeError(`A tree of ${size} records has ${bitsOf(size)} nodes, not ${nodes.length}.`);
    for (const [i, text] of nodes.entries()) {
      const hash = readHash(text);
      if (hash === undefined) throw new RangeError(`The node at index ${i} of a tree must be 32 bytes in base64.`);
      tree.#nodes.push(hash.toString('latin1'));
    }
    tree.#size = size;
    return tree;
  }

  /** The same tree, to be gone on with by itself. */
  copy(): CompactTree {
    const tree = new CompactTree();
    tree.#nodes.push(...this.#nodes);
    tree.#size = this.#size;
    return tree;
  }

  /** How many records it has. */
  get size(): number {
    return this.#size;
  }

  /** Appends a record. */
  append(line: string): void {
    this.#append(binaryLeaf(line));
  }

  /** Appends a record by its {@link leafHash}. */
  appendHash(leaf: Buffer): void {
    this.#append(leaf.toString('latin1'));
  }

  /** The root over all its records. */
  root(): Buffer {
    const { length } = this.#nodes;
    let root = this.#nodes[length - 1];
    if (root === undefined) return EMPTY_ROOT;
    for (let i = length - 2; i >= 0; i--) root = binaryNode(this.#nodes[i] as BinaryHash, root);
    return bytesOfHash(root);
  }

  /** What is kept of it. */
  state(): CompactState {
    return { size: this.#size, nodes: this.#nodes.map((node) => bytesOfHash(node).toString('base64')) };
  }

  #append(leaf: BinaryHash): void {
    let node = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) node = binaryNode(this.#nodes.pop() as BinaryHash, node);
    this.#nodes.push(node);
    this.#size += 1;
  }
}

function bitsOf(size: number): number {
  let bits = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}
