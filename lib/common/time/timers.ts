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
