import type { Deadline } from './Deadline.js';
import { monotonicNow } from '../time/SteadyClock.js';

/** The shortest and first backoff, in milliseconds. */
const BASE_DELAY_MS = 100;
/** The longest backoff that is chosen here, in milliseconds. */
const MAX_BACKOFF_MS = 20_000;
/** The longest wait a server may ask for, in milliseconds. */
const MAX_RETRY_AFTER_MS = 60_000;

const BUDGET_TOKENS = 500;
const RETRY_COST = 10;

const FAILURES_TO_OPEN = 10;
const OPEN_MS = 2_000;

/** An attempt that failed and may be retried. */
export interface FailedOutcome {
  /** `throttled`: the server is up and asks for fewer requests. `overloaded`: it cannot answer. `unreachable`: no answer at all. */
  readonly kind: 'throttled' | 'overloaded' | 'unreachable';
  /** Thrown when the attempt is not retried. */
  readonly error: Error;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** How one attempt ended. An attempt throws where another one would change nothing. */
export type Outcome<T> = { readonly kind: 'answered'; readonly value: T } | FailedOutcome;

/** No attempt was made: the circuit breaker is open. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError';
  /** Failures in a row. */
  readonly failures: number;
  /** Until the next attempt may be made, in milliseconds; 0 while a trial request is under way. */
  readonly retryInMs: number;

  constructor(failures: number, retryInMs: number) {
    super('the circuit breaker is open');
    this.failures = failures;
    this.retryInMs = retryInMs;
  }
}

/**
 * Bounds the retries of a whole process: at most 50 in a burst, then one for every ten successes. A service that is down thus gets almost no extra
 * requests, a struggling one at most a tenth more.
 */
export class RetryBudget {
  #tokens = BUDGET_TOKENS;

  /** Whether one more retry may be made; pays for it. */
  spend(): boolean {
    if (this.#tokens < RETRY_COST) return false;
    this.#tokens -= RETRY_COST;
    return true;
  }

  /** A request succeeded. */
  earn(): void {
    this.#tokens = Math.min(BUDGET_TOKENS, this.#tokens + 1);
  }
}

/** What a request showed about the service; `unknown` where the caller gave up on it. */
export type ServiceHealth = 'up' | 'down' | 'unknown';

/**
 * Stops sending requests to a service that is down. It opens after 10 failures in a row, for 1 to 2 seconds (jittered, so that a fleet does not
 * return all at once), then lets one trial request through. Its success closes the breaker, its failure opens it again.
 */
export class CircuitBreaker {
  readonly #random: () => number;
  #failures = 0;
  /** Failures since the last success, also across openings. */
  #failuresInRow = 0;
  /** When the next probe may go, by the monotonic clock; undefined while closed. */
  #probeAt: number | undefined;
  #probing = false;
  /** Grows when the breaker opens: a request sent before that says nothing about the service now. */
  #generation = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Failures in a row. */
  get failuresInRow(): number {
    return this.#failuresInRow;
  }

  /** Until the next request may be sent, in milliseconds; 0 while a trial request is under way, or while closed. */
  get retryInMs(): number {
    return this.#probing || this.#probeAt === undefined ? 0 : Math.max(0, this.#probeAt - monotonicNow());
  }

  /**
   * Asks whether a request may be sent.
   *
   * @returns undefined if not; otherwise a function to call exactly once with what the request showed
   */
  enter(): ((health: ServiceHealth) => void) | undefined {
    const isProbe = this.#probeAt !== undefined;
    if (this.#probeAt !== undefined) {
      if (this.#probing || monotonicNow() < this.#probeAt) return undefined;
      this.#probing = true;
    }
    const generation = this.#generation;
    return (health) => {
      if (generation === this.#generation) this.#note(health, isProbe);
    };
  }

  #note(health: ServiceHealth, isProbe: boolean): void {
    if (isProbe) this.#probing = false;
    if (health === 'up') {
      this.#failures = 0;
      this.#failuresInRow = 0;
      this.#probeAt = undefined;
    } else if (health === 'down') {
      this.#failures += 1;
      this.#failuresInRow += 1;
      if (isProbe || this.#failures >= FAILURES_TO_OPEN) this.#open();
    }
  }

  #open(): void {
    this.#generation += 1;
    this.#failures = 0;
    this.#probing = false;
    this.#probeAt = monotonicNow() + OPEN_MS * (0.5 + this.#random() / 2);
  }
}

/** The retries, retry budget and circuit breaker of one service. All use the monotonic clock; only randomness is injected. */
export class Resilience {
  readonly #budget = new RetryBudget();
  readonly #breaker: CircuitBreaker;
  readonly #random: () => number;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number = Math.random) {
    this.#random = random;
    this.#breaker = new CircuitBreaker(random);
  }

  /**
   * Makes an attempt and up to `retries` more, where the outcome, the budget and the time left allow them.
   *
   * @throws CircuitOpenError where no attempt was made; the last outcome's error; what `attempt` threw; the reason of the deadline's signal
   */
  async run<T>(attempt: () => Promise<Outcome<T>>, retries: number, deadline: Deadline): Promise<T> {
    let failed: Error | undefined;
    let leave = this.#breaker.enter();
    for (let retry = 0; leave !== undefined; retry++) {
      const outcome = await this.#try(attempt, leave, deadline);
      if (outcome.kind === 'answered') return outcome.value;
      failed = outcome.error;
      const delay = retryDelay(retry, outcome.retryAfterMs, this.#random);
      // do not begin a wait that outlasts the deadline: the caller learns at once
      if (retry >= retries || delay >= deadline.remainingMs() || !this.#budget.spend()) throw failed;
      await deadline.sleep(delay);
      leave = this.#breaker.enter();
    }
    throw failed ?? new CircuitOpenError(this.#breaker.failuresInRow, this.#breaker.retryInMs);
  }

  async #try<T>(attempt: () => Promise<Outcome<T>>, leave: (health: ServiceHealth) => void, deadline: Deadline): Promise<Outcome<T>> {
    try {
      const outcome = await deadline.race(attempt());
      leave(outcome.kind === 'answered' || outcome.kind === 'throttled' ? 'up' : 'down');
      if (outcome.kind === 'answered') this.#budget.earn();
      return outcome;
    } catch (error) {
      if (!deadline.signal.aborted) leave('up');
      else leave(deadline.timedOut ? 'down' : 'unknown');
      throw error;
    }
  }
}

/**
 * Milliseconds to wait before a retry: full jitter over `100 × 2^retry`, at most 20 s; or what the server asked for, between 100 ms and 60 s, plus
 * up to 100 ms so that clients do not return all at once.
 *
 * @param retry 0 for the first
 */
export function retryDelay(retry: number, retryAfterMs: number | undefined, random: () => number): number {
  if (retryAfterMs === undefined || Number.isNaN(retryAfterMs)) return random() * Math.min(MAX_BACKOFF_MS, BASE_DELAY_MS * 2 ** retry);
  return Math.min(Math.max(retryAfterMs, BASE_DELAY_MS), MAX_RETRY_AFTER_MS) + random() * BASE_DELAY_MS;
}

/**
 * Reads a `Retry-After` header: seconds, or a date, which is compared with the server's own `Date` so that neither clock has to be right.
 *
 * @returns milliseconds; undefined for anything else
 */
export function parseRetryAfter(retryAfter: string | null, date: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const text = retryAfter.trim();
  if (/^-?\d+$/.test(text)) return Number(text) * 1000;
  // Date.parse reads '1e300' as a year, but an HTTP date starts with the name of a day
  const until = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(until)) return undefined;
  const now = date === null ? Number.NaN : Date.parse(date);
  return until - (Number.isNaN(now) ? Date.now() : now);
}
