/** A map that keeps the most recently used entries and never grows beyond its limit. */
export class LruMap<K, V> {
  // a Map iterates in order of insertion: the first entry is the least recently used one
  readonly #entries = new Map<K, V>();
  readonly #limit: number;
  /** Its entry is the last one already: most maps are asked for the same again and again. */
  #newest: K | undefined;

  /** @param limit entries kept, 1 or more */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value, which counts as used now. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined || key === this.#newest) return value;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#newest = key;
    return value;
  }

  /** Removes an entry, if there is one. */
  delete(key: K): void {
    this.#entries.delete(key);
  }

  /** Adds or replaces an entry; drops the least recently used one if there are too many. */
  set(key: K, value: V): void {
    if (key !== this.#newest) this.#entries.delete(key);
    this.#entries.set(key, value);
    this.#newest = key;
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#entries.keys().next().value as K);
  }
}
