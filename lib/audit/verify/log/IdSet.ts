/** How full the table gets, at most. */
const LOAD = 0.6;
const FIRST_SIZE = 1_024;

/**
 * A set of ids that takes 13 to 27 bytes for each, as 63 bits of a hash: the runs of ten million calls fit into memory. It may take an id for another one: among
 * ten million, with a probability of one in 180,000.
 */
export class IdSet {
  #slots = new Uint32Array(2 * FIRST_SIZE);
  #size = 0;

  /** How many ids were added. */
  get size(): number {
    return this.#size;
  }

  /** Adds an id. False where it was there. */
  add(id: string): boolean {
    if (this.#size > (this.#slots.length / 2) * LOAD) this.#grow();
    const [high, low] = hashOf(id);
    const at = slotOf(this.#slots, high, low);
    if (this.#slots[at] !== 0 || this.#slots[at + 1] !== 0) return false;
    this.#slots[at] = high;
    this.#slots[at + 1] = low;
    this.#size += 1;
    return true;
  }

  has(id: string): boolean {
    const [high, low] = hashOf(id);
    const at = slotOf(this.#slots, high, low);
    return this.#slots[at] !== 0 || this.#slots[at + 1] !== 0;
  }

  #grow(): void {
    const before = this.#slots;
    const after = new Uint32Array(before.length * 2);
    for (let i = 0; i < before.length; i += 2) {
      const [high, low] = [before[i] as number, before[i + 1] as number];
      if (high === 0 && low === 0) continue;
      const at = slotOf(after, high, low);
      after[at] = high;
      after[at + 1] = low;
    }
    this.#slots = after;
  }
}

/** Where that hash is, or would be. */
function slotOf(slots: Uint32Array, high: number, low: number): number {
  const mask = slots.length / 2 - 1;
  let i = low & mask;
  while ((slots[2 * i] !== 0 || slots[2 * i + 1] !== 0) && (slots[2 * i] !== high || slots[2 * i + 1] !== low)) i = (i + 1) & mask;
  return 2 * i;
}

/** 63 bits of a text (cyrb64): fast, and spread well. Never zero. */
function hashOf(id: string): readonly [high: number, low: number] {
  let h1 = 0xdeadbeef;
  let h2 = 0x41c6ce57;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    h1 = Math.imul(h1 ^ code, 2654435761);
    h2 = Math.imul(h2 ^ code, 1597334677);
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return [(h2 | 1) >>> 0, h1 >>> 0];
}
