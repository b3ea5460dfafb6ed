import { monotonicNow } from './timers.js';

/**
 * Wall-clock time that never goes back and never runs slow: epoch milliseconds at the start plus whichever has passed more since, wall or
 * monotonic time. Setting the clock back extends nothing; a suspended machine, whose monotonic clock stands still, wakes to the right time.
 */
export class SteadyClock {
  readonly #wallStart: number = Date.now();
  readonly #monotonicStart: number = monotonicNow();
  #highest: number = this.#wallStart;

  /** Epoch milliseconds. */
  now(): number {
    const now = Math.max(this.#wallStart + monotonicNow() - this.#monotonicStart, Date.now());
    if (now > this.#highest) this.#highest = now;
    return this.#highest;
  }
}
