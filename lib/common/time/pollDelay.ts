/** How often to poll. */
export interface PollDelayOptions {
  /** The delay before each of the first two attempts, in milliseconds. */
  readonly initialDelayMs: number;
  /** The longest delay, in milliseconds. */
  readonly maxDelayMs: number;
  /** The largest random deviation of a delay, as a fraction of it: 0 … 1. */
  readonly jitterRatio: number;
  /**
   * Uniform in [0, 1).
   *
   * @defaultValue Math.random
   */
  readonly random?: (() => number) | undefined;
}

/** The shortest delay, in milliseconds. */
export const MIN_POLL_DELAY_MS = 100;

/**
 * The delay before attempt n (n = 0 first), in milliseconds: `initialDelayMs × 2^max(0, n-1)`, capped at `maxDelayMs`, then ± `jitterRatio` of
 * itself, never under 100 ms nor over `maxDelayMs`.
 */
export function pollDelay(attempt: number, options: PollDelayOptions): number {
  const { initialDelayMs, maxDelayMs, jitterRatio, random = Math.random } = options;
  const delay = Math.min(initialDelayMs * 2 ** Math.max(0, attempt - 1), maxDelayMs);
  const jittered = delay * (1 + jitterRatio * (2 * random() - 1));
  return Math.min(Math.max(jittered, MIN_POLL_DELAY_MS), maxDelayMs);
}
