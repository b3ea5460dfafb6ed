/** How many pairs are kept. Beyond that all are forgotten, which costs each of them some microseconds once. */
const MAX_PAIRS = 1_000;
/** How long a pair may be that is kept. */
const MAX_LENGTH = 1_000;

/**
 * What is known by two names, such as those of an agent and a tool. No text is made of them, and the latest pair is found without a look at the map: most
 * calls are like the one before.
 */
export class PairMap<T> {
  readonly #byFirst = new Map<string, Map<string, T>>();
  #size = 0;
  #first = '';
  #second = '';
  #latest: T | undefined;

  get(first: string, second: string): T | undefined {
    if (first === this.#first && second === this.#second) return this.#latest;
    const found = this.#byFirst.get(first)?.get(second);
    if (found !== undefined) this.#setLatest(first, second, found);
    return found;
  }

  set(first: string, second: string, value: T): void {
    if (first.length + second.length > MAX_LENGTH) return;
    if (this.#size >= MAX_PAIRS) {
      this.#byFirst.clear();
      this.#size = 0;
    }
    let bySecond = this.#byFirst.get(first);
    if (bySecond === undefined) this.#byFirst.set(first, (bySecond = new Map()));
    if (!bySecond.has(second)) this.#size += 1;
    bySecond.set(second, value);
    this.#setLatest(first, second, value);
  }

  #setLatest(first: string, second: string, value: T): void {
    this.#first = first;
    this.#second = second;
    this.#latest = value;
  }
}
