import { monotonicNow } from './timers.js';

/**
 * Wall-clock time that never goes back, never stands still and never runs slow: monotonic time, plus the most that wall time was ever seen ahead
 * of it. Setting the clock back extends nothing, also after it was set forward; a suspended machine, whose monotonic clock stands still, wakes to
 * the right time.
 */
export class SteadyClock {
  #aheadMs: number = Date.now() - monotonicNow();

  /** Epoch milliseconds. */
  now(): number {
    const monotonicMs = monotonicNow();
    this.#aheadMs = Math.max(this.#aheadMs, Date.now() - monotonicMs);
    return Math.round(monotonicMs + this.#aheadMs);
  }
}
