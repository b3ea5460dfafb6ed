import { AegisError } from '../../model/AegisError.js';
import type { RefusedTake } from './CounterStore.js';

/** What was to be counted together with a change does not fit: neither was written. */
export class TakeRefusedError extends AegisError {
  override readonly name = 'TakeRefusedError';
  /** The counters that it does not fit in. */
  readonly refused: readonly RefusedTake[];

  /** @param refused the counters that it does not fit in */
  constructor(refused: readonly RefusedTake[]) {
    super('limit_reached', 'A limit is reached, so nothing was written.');
    this.refused = refused;
  }
}
