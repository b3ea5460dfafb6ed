/** One day in milliseconds. */
export const DAY_MS: number = 86_400_000;

/** The longest delay of setTimeout, in milliseconds (24.8 days); a longer one fires at once. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1;

/** A delay that setTimeout accepts: never NaN, negative or beyond 24.8 days. For a longer one, the caller sets the timer again when it fires. */
export function clampTimeout(ms: number): number {
  return ms > 0 ? Math.min(Math.ceil(ms), MAX_TIMEOUT_MS) : 0;
}

/** Milliseconds that never go back, even if the wall clock does. */
export function monotonicNow(): number {
  return performance.now();
}

/**
 * Wall-clock time that never goes back, never stops and never runs slow: monotonic time, plus the most that wall time was ever observed ahead of it.
 * Setting the clock back extends nothing, even after it was set forward; a suspended machine, whose monotonic clock stops, wakes to the right time.
 */
export class SteadyClock {
  #aheadMs: number = Date.now() - monotonicNow();

  /** Makes the clock give at least this time from now on: what another clock, or this one in an earlier process, has reached. */
  notBefore(epochMs: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, epochMs - monotonicNow());
  }

  /** Epoch milliseconds. */
  now(): number {
    // wall time first: a process that is suspended between the two must not take the pause for wall time that ran ahead
    const wallMs = Date.now();
    const monotonicMs = monotonicNow();
    this.#aheadMs = Math.max(this.#aheadMs, wallMs - monotonicMs);
    return Math.round(monotonicMs + this.#aheadMs);
  }
}
