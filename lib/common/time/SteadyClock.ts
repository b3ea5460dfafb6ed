/** One day in milliseconds. */
export const DAY_MS: number = 86_400_000;

/** setTimeout takes at most this many milliseconds (24.8 days); beyond it, it fires at once. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1;

/** A delay that setTimeout takes: never NaN, negative or beyond 24.8 days. Whoever needs longer re-arms when it fires. */
export function clampTimeout(ms: number): number {
  return ms > 0 ? Math.min(Math.ceil(ms), MAX_TIMEOUT_MS) : 0;
}

/** Milliseconds that never go back, whatever happens to the wall clock. */
export function monotonicNow(): number {
  return performance.now();
}

/**
 * Wall-clock time that never goes back, never stands still and never runs slow: monotonic time, plus the most that wall time was ever seen ahead
 * of it. Setting the clock back extends nothing, also after it was set forward; a suspended machine, whose monotonic clock stands still, wakes to
 * the right time.
 */
export class SteadyClock {
  #aheadMs: number = Date.now() - monotonicNow();

  /** Never gives less than that from now on: what somebody else's clock, or this one in an earlier process, has reached. */
  notBefore(epochMs: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, epochMs - monotonicNow());
  }

  /** Epoch milliseconds. */
  now(): number {
    // wall time first: a process that is put aside between the two must not take the pause for wall time that ran ahead
    const wallMs = Date.now();
    const monotonicMs = monotonicNow();
    this.#aheadMs = Math.max(this.#aheadMs, wallMs - monotonicMs);
    return Math.round(monotonicMs + this.#aheadMs);
  }
}
