import { LazyPart } from '../../model/LazyPart.js';
import type { CounterStore } from '../../store/counter/CounterStore.js';
import type { LimitState } from './LimitState.js';

const shown = new LazyPart(() => import('./limitStates.js'));

/** What limits have counted. */
export class Limits {
  readonly #counters: () => CounterStore;

  /** @param counters of one tenant */
  constructor(counters: () => CounterStore) {
    this.#counters = counters;
  }

  /**
   * Lists what limits have counted in windows that are not over, the fullest first: at most 200.
   *
   * @throws StoreError where the store cannot be read
   */
  async list(): Promise<readonly LimitState[]> {
    const { limitStates } = await shown.get();
    return limitStates(await this.#counters().list());
  }
}
