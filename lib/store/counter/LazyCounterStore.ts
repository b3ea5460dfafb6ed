import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { CounterChange, CounterState, CounterStore, CounterTake, ShownCounter, TakeOutcome, Takes } from './CounterStore.js';
import type { MemoryCounterStore } from './MemoryCounterStore.js';

/** What is needed once something is counted in memory. */
export const memoryCounting: LazyPart<typeof import('./MemoryCounterStore.js')> = new LazyPart(() => import('./MemoryCounterStore.js'));

/** A {@link MemoryCounterStore} that is made when something is first counted. It answers at once when {@link open} has. */
export class LazyCounterStore implements CounterStore {
  #counters: MemoryCounterStore | undefined;

  open(): Awaitable<void> {
    return this.#with(() => undefined);
  }

  take(takes: Takes): Awaitable<TakeOutcome> {
    // without a closure: calls that limits count come here
    return this.#counters === undefined ? this.#with((counters) => counters.take(takes)) : this.#counters.take(takes);
  }

  /**
   * Does what is counted together with a change that is made in the same tick.
   *
   * @throws TakeRefusedError where it does not fit; StoreError before {@link open}
   */
  change(change: CounterChange | undefined): void {
    if (this.#counters !== undefined) this.#counters.change(change);
    // before anything is counted there is nothing to give back
    else if (change !== undefined && !('giveBack' in change))
      throw new StoreError('The counters in memory are not open. Call `open()` of the counters first.');
  }

  give(token: string): Awaitable<void> {
    return this.#with((counters) => counters.give(token));
  }

  /** What was taken for a token is given back no more. */
  forget(token: string): void {
    this.#counters?.forget(token);
  }

  peek(takes: readonly CounterTake[], token?: string): Awaitable<readonly CounterState[]> {
    return this.#with((counters) => counters.peek(takes, token));
  }

  list(): Awaitable<readonly ShownCounter[]> {
    return this.#with((counters) => counters.list());
  }

  prune(): Awaitable<number> {
    return this.#with((counters) => counters.prune());
  }

  #with<T>(work: (counters: MemoryCounterStore) => T): Awaitable<T> {
    if (this.#counters !== undefined) return work(this.#counters);
    return chain(memoryCounting.get(), ({ MemoryCounterStore: Counters }) => work((this.#counters ??= new Counters())));
  }
}
