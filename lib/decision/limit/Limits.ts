import { AMOUNT_PARTS } from '../../model/terms/LimitTerms.js';
import type { CounterStore, ShownCounter } from '../../store/counter/CounterStore.js';

/** How full a limit is, for one of what it counts apart. */
export interface LimitState {
  /** Names the counter. */
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
}

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
  const { policyId, by } = labelIn(label);
  return Object.freeze({ key, policyId, by, kind, windowMs, used: used / AMOUNT_PARTS, limit: limit / AMOUNT_PARTS, endsAtMs });
}

/** What another program wrote there is not shown. */
function labelIn(label: string = '{}'): Pick<LimitState, 'policyId' | 'by'> {
  try {
    const { policyId, by } = JSON.parse(label) as { policyId?: unknown; by?: unknown };
    const apart = typeof by === 'object' && by !== null ? Object.entries(by).filter(([, value]) => typeof value === 'string') : [];
    return { policyId: typeof policyId === 'string' ? policyId : '', by: Object.fromEntries(apart) as Record<string, string> };
  } catch {
    return { policyId: '', by: {} };
  }
}
