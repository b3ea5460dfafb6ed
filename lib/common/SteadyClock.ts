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
    // wall time first: a process that is put aside between the two must not take the pause for wall time that ran ahead
    const wallMs = Date.now();
    const monotonicMs = monotonicNow();
    this.#aheadMs = Math.max(this.#aheadMs, wallMs - monotonicMs);
    return Math.round(monotonicMs + this.#aheadMs);
  }
}
