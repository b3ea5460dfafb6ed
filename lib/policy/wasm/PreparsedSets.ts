import { cedarGeneration, useCedar } from './CedarWasm.js';

interface Held {
  readonly slot: string;
  readonly size: number;
}

/** How much is kept preparsed; a policy takes about 2 KB. */
export interface PreparsedSetsLimits {
  readonly maxSets: number;
  readonly maxPolicies: number;
}

const LIMITS: PreparsedSetsLimits = { maxSets: 512, maxPolicies: 20_000 };

/**
 * The policy sets that cedar-wasm keeps parsed. It keeps them under ids, for ever, for the whole instance. So ids ("slots") are handed out here,
 * never to two owners at once, taken back from the least recently used owner, and reused. A slot that is taken back is overwritten by an empty set.
 */
export class PreparsedSets {
  /** Least recently used first. */
  readonly #held = new Map<object, Held>();
  readonly #limits: PreparsedSetsLimits;
  #free: string[] = [];
  #slots = 0;
  #policies = 0;
  #generation = cedarGeneration();

  constructor(limits: PreparsedSetsLimits = LIMITS) {
    this.#limits = limits;
  }

  /**
   * The slot that holds the owner's policies; they are parsed unless they are still held.
   *
   * @param texts the policies, by the ids that answers will name
   * @throws Error if Cedar refuses the policies, CedarTrap if it fails
   */
  slotFor(owner: object, texts: ReadonlyMap<string, string>): string {
    if (this.#generation !== cedarGeneration()) this.#forgetAll();
    const held = this.#held.get(owner);
    if (held !== undefined) {
      this.#held.delete(owner);
      this.#held.set(owner, held);
      return held.slot;
    }
    this.#makeRoom(texts.size);
    const slot = this.#free.pop() ?? `s${(this.#slots += 1)}`;
    const answer = useCedar((cedar) => cedar.preparsePolicySet(slot, { staticPolicies: Object.fromEntries(texts) }));
    if (answer.type !== 'success') {
      this.#free.push(slot);
      throw new Error(`cedar-wasm refused policies it had parsed before: ${answer.errors[0]?.message ?? 'no reason'}`);
    }
    this.#held.set(owner, { slot, size: texts.size });
    this.#policies += texts.size;
    return slot;
  }

  /** Takes back the owner's slot. Never throws. */
  release(owner: object): void {
    const held = this.#held.get(owner);
    if (held === undefined || this.#generation !== cedarGeneration()) return;
    this.#held.delete(owner);
    this.#policies -= held.size;
    try {
      useCedar((cedar) => cedar.preparsePolicySet(held.slot, { staticPolicies: {} }));
      this.#free.push(held.slot);
    } catch {
      // the instance is gone, and every slot with it: the next slotFor finds out
    }
  }

  /** Sets held now. */
  get size(): number {
    return this.#generation === cedarGeneration() ? this.#held.size : 0;
  }

  #makeRoom(policies: number): void {
    const { maxSets, maxPolicies } = this.#limits;
    for (const owner of this.#held.keys()) {
      if (this.#held.size < maxSets && this.#policies + policies <= maxPolicies) return;
      this.release(owner);
    }
  }

  #forgetAll(): void {
    this.#held.clear();
    this.#free = [];
    this.#slots = this.#policies = 0;
    this.#generation = cedarGeneration();
  }
}

/** Those of this process's one instance of cedar-wasm. */
export const preparsedSets: PreparsedSets = new PreparsedSets();
