import { isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';

/** Lets so many questions be under way at once; the others wait in line. What answers at once never waits. */
export class ConcurrencyLimit<T> {
  readonly #max: number;
  readonly #ask: (item: T) => Awaitable<void>;
  readonly #active = new Set<T>();
  readonly #waiting = new Set<T>();

  /** @param ask must not throw or reject */
  constructor(max: number, ask: (item: T) => Awaitable<void>) {
    this.#max = max;
    this.#ask = ask;
  }

  /** Asks now, or when it is its turn. */
  enter(item: T): void {
    if (this.#active.has(item)) return;
    if (this.#active.size >= this.#max) {
      this.#waiting.add(item);
      return;
    }
    const answer = this.#ask(item);
    if (!isThenable(answer)) return;
    this.#active.add(item);
    const ended = (): void => this.leave(item);
    answer.then(ended, ended);
  }

  /** It needs no answer any more; its place goes to the next, even if its own question never ends. */
  leave(item: T): void {
    this.#waiting.delete(item);
    if (!this.#active.delete(item)) return;
    for (const next of this.#waiting) {
      if (this.#active.size >= this.#max) return;
      this.#waiting.delete(next);
      this.enter(next);
    }
  }
}
