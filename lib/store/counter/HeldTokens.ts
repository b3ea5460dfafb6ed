/** What is held by token. The latest is not in the map yet: most tokens are dropped before the next one comes. */
export class HeldTokens<T> {
  readonly #others = new Map<string, T>();
  #latest: string | undefined;
  #held: T | undefined;

  get(token: string): T | undefined {
    if (token === this.#latest) return this.#held;
    return this.#others.size === 0 ? undefined : this.#others.get(token);
  }

  set(token: string, held: T): void {
    if (token !== this.#latest) {
      this.#setAside();
      // a token that is new costs no look at the map while that is empty
      if (this.#others.size > 0) this.#others.delete(token);
      this.#latest = token;
    }
    this.#held = held;
  }

  delete(token: string): void {
    if (token !== this.#latest) this.#others.delete(token);
    else this.#latest = this.#held = undefined;
  }

  /** All of them. */
  all(): ReadonlyMap<string, T> {
    this.#setAside();
    return this.#others;
  }

  #setAside(): void {
    if (this.#latest !== undefined) this.#others.set(this.#latest, this.#held as T);
    this.#latest = this.#held = undefined;
  }
}
