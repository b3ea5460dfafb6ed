import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';
import { RequestError } from './RequestError.js';
import { Tally } from './Tally.js';
import type { TallyLimit } from './Tally.js';

/** When requests are refused for the sake of those that are being answered. */
export interface LoadLimits {
  /** Requests of one tenant that are being answered at a time. */
  readonly inFlightPerTenant: number;
  /** Requests that are being answered at a time. */
  readonly inFlight: number;
  /** Bytes of bodies of one tenant that are being received. */
  readonly bodyBytesPerTenant: number;
  /** Bytes of bodies that are being received. */
  readonly bodyBytes: number;
  /** The event loop is late when its p99 delay is above this, in milliseconds. */
  readonly loopDelayMs: number;
  /** New decisions are refused when it has been late for this long, in milliseconds. */
  readonly lateForMs: number;
}

/** The limits of a server. */
export const LOAD_LIMITS: LoadLimits = {
  inFlightPerTenant: 256,
  inFlight: 1_024,
  bodyBytesPerTenant: 64_000_000,
  bodyBytes: 256_000_000,
  loopDelayMs: 200,
  lateForMs: 2_000,
};

/** Why a request was refused. */
export type ShedReason = TallyLimit | 'loop';

/** The delays of the event loop, in nanoseconds. */
export type LoopDelay = Pick<IntervalHistogram, 'percentile' | 'reset'> & Partial<Pick<IntervalHistogram, 'disable'>>;

/** Counts requests in flight and watches the event loop, so that a server which cannot keep up refuses at once instead of answering everyone late. */
export class LoadGate {
  readonly #limits: LoadLimits;
  readonly #now: () => number;
  readonly #delay: LoopDelay;
  readonly #onShed: (reason: ShedReason) => void;
  readonly #answering: Tally;
  readonly #receiving: Tally;
  #lookAt: number;
  #lateSince: number | undefined;

  /** @param now monotonic milliseconds */
  constructor(limits: LoadLimits, now: () => number, onShed: (reason: ShedReason) => void, delay: LoopDelay = loopDelay()) {
    this.#limits = limits;
    this.#now = now;
    this.#onShed = onShed;
    this.#delay = delay;
    this.#answering = new Tally(limits.inFlight, limits.inFlightPerTenant);
    this.#receiving = new Tally(limits.bodyBytes, limits.bodyBytesPerTenant);
    this.#lookAt = now() + LOOK_MS;
  }

  /** How many requests are being answered. */
  get inFlight(): number {
    return this.#answering.all;
  }

  /**
   * Counts a request in, once its body is there.
   *
   * @returns counts it out again; must be called once
   * @throws RequestError 503 `overloaded`
   */
  enter(tenantId: string): () => void {
    return this.#passed(this.#answering.take(tenantId, 1));
  }

  /**
   * Counts a body that is being received.
   *
   * @returns counts it out again; must be called once
   * @throws RequestError 503 `overloaded`
   */
  receive(tenantId: string, bytes: number): () => void {
    return this.#passed(this.#receiving.take(tenantId, bytes));
  }

  /**
   * Lets a request for a new decision pass unless the event loop has been late for a while.
   *
   * @throws RequestError 503 `overloaded`
   */
  admitDecision(): void {
    this.#look();
    if (this.#lateSince !== undefined && this.#now() - this.#lateSince >= this.#limits.lateForMs) throw this.#shed('loop');
  }

  /** Stops watching the event loop. */
  close(): void {
    this.#delay.disable?.();
  }

  /** Looks once a second, at what the time since the last look was like. */
  #look(): void {
    const now = this.#now();
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    const late = this.#delay.percentile(99) / 1e6 > this.#limits.loopDelayMs;
    this.#delay.reset();
    this.#lateSince = late ? (this.#lateSince ?? now - LOOK_MS) : undefined;
  }

  #passed(taken: (() => void) | TallyLimit): () => void {
    if (typeof taken === 'string') throw this.#shed(taken);
    return taken;
  }

  #shed(reason: ShedReason): RequestError {
    this.#onShed(reason);
    return new RequestError(503, 'overloaded', 'The server has more to do than it can. Try again in a second.', { retryAfterS: 1 });
  }
}

const LOOK_MS = 1_000;

function loopDelay(): LoopDelay {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  return delay;
}
