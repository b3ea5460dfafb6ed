/** How many tokens come back, and how many can be saved up. */
export interface Rate {
  /** Tokens a second. */
  readonly perSecond: number;
  /** Tokens that can be spent at once. */
  readonly burst: number;
}

/** What became of a spending. */
export interface Spending {
  /** Whether the tokens were there. If not, none were spent. */
  readonly allowed: boolean;
  /** Tokens that are left. */
  readonly remaining: number;
  /** In how many milliseconds the same spending would be allowed; 0 where it was. `Infinity` where it is larger than the burst. */
  readonly retryAfterMs: number;
}

/**
 * Limits the rate of each of many keys by the generic cell rate algorithm: one number per key, the time at which all of its tokens will be back.
 * Keys whose tokens are all back are forgotten, so that memory follows the keys in use.
 */
export class RateLimiter {
  /** The rate of each key. */
  readonly rate: Rate;
  readonly #tokenMs: number;
  readonly #now: () => number;
  readonly #fullAt = new Map<string, number>();
  #sweepAt: number;

  /** @param now monotonic milliseconds */
  constructor(rate: Rate, now: () => number) {
    this.rate = rate;
    this.#tokenMs = 1_000 / rate.perSecond;
    this.#now = now;
    this.#sweepAt = now() + SWEEP_MS;
  }

  /** How many keys it remembers. */
  get size(): number {
    return this.#fullAt.size;
  }

  /** Spends tokens of a key, all or none. */
  spend(key: string, tokens: number = 1): Spending {
    const now = this.#now();
    this.#sweep(now);
    const savedMs = this.rate.burst * this.#tokenMs;
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now);
    const next = fullAt + tokens * this.#tokenMs;
    const overMs = next - now - savedMs;
    // an amount like 1e-12 is what is left of adding fractions
    if (overMs > 1e-6) {
      const retryAfterMs = tokens > this.rate.burst ? Infinity : overMs;
      return { allowed: false, remaining: this.#tokensAt(fullAt, now), retryAfterMs };
    }
    this.#fullAt.set(key, next);
    return { allowed: true, remaining: this.#tokensAt(next, now), retryAfterMs: 0 };
  }

  #tokensAt(fullAt: number, now: number): number {
    return Math.max(0, Math.floor(this.rate.burst - (fullAt - now) / this.#tokenMs + 1e-6));
  }

  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + SWEEP_MS;
    for (const [key, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(key);
  }
}

const SWEEP_MS = 10_000;
