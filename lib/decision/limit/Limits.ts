import { readLimitLabel } from './limitLabel.js';
import { AMOUNT_PARTS } from '../../model/terms/LimitTerms.js';
import type { CounterStore, ShownCounter } from '../../store/counter/CounterStore.js';

/** How full a limit is, for one of what it counts apart. */
export interface LimitState {
  /** Names the counter: the same for the same limit and what it counts apart. */
  readonly key: string;
  /** The `@id` of the limit's policy. */
  readonly policyId: string;
  /** What is counted apart, such as `{ agent: 'ops' }`. */
  readonly by: Readonly<Record<string, string>>;
  /** `fixed` or `sliding`. */
  readonly kind: 'fixed' | 'sliding';
  /** How long the window is, in milliseconds. */
  readonly windowMs: number;
  /** How much has run in it. */
  readonly used: number;
  /** How much may, as of the last call that was counted. */
  readonly limit: number;
  /** When all of it may run again, in epoch milliseconds. */
  readonly endsAtMs: number;
  /** `full`: nothing more fits. `near`: as many percent as `@warn_at` says are used, 80 where it says nothing. */
  readonly level: 'free' | 'near' | 'full';
}

/** From how many percent on a limit is nearly used up, where its policy does not say. */
const NEAR_PERCENT = 80;

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
    return (await this.#counters().list()).map(limitState);
  }
}

function limitState({ key, label, kind, windowMs, used, limit, retryAtMs: endsAtMs }: ShownCounter): LimitState {
  const { policyId, by, warnAt = NEAR_PERCENT } = readLimitLabel(label);
  const level = used >= limit ? 'full' : used >= (limit * warnAt) / 100 ? 'near' : 'free';
  return Object.freeze({ key, policyId, by, kind, windowMs, used: used / AMOUNT_PARTS, limit: limit / AMOUNT_PARTS, endsAtMs, level });
}
