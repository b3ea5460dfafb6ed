import { defaultMaxListeners, getMaxListeners, setMaxListeners } from 'node:events';
import { clampTimeout, monotonicNow } from '../time/SteadyClock.js';

/** What ends work before it is done. */
export interface DeadlineOptions {
  /** Milliseconds from now, over everything done under this deadline. */
  readonly timeoutMs: number;
  /** Makes the error for when the time is up. */
  readonly timeoutError: () => Error;
  /** Aborts the work too. `end()` detaches from it. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error for when `signal` is aborted. */
  readonly abortError: (reason: unknown) => Error;
}

/**
 * One deadline over work in several steps. Time, the caller's signal or `interrupt()` ends the work, whichever comes first; its error is the
 * `reason` of `signal`. Call `end()` in a `finally`.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #endsAt: number;
  readonly #timer: NodeJS.Timeout;
  readonly #detach: () => void;
  /** Not listeners of `signal`: those of an EventTarget cost more than everything else here. */
  readonly #stops = new Set<() => void>();
  #timedOut = false;

  constructor(options: DeadlineOptions) {
    const { signal, timeoutMs } = options;
    this.#endsAt = monotonicNow() + timeoutMs;
    this.#timer = setTimeout(() => {
      this.#timedOut = !this.signal.aborted;
      this.interrupt(options.timeoutError());
    }, clampTimeout(timeoutMs));
    const abort = (): void => this.interrupt(options.abortError(signal?.reason));
    this.#detach = () => signal?.removeEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    else if (signal !== undefined) listen(signal, abort);
  }

  /** Aborted when the work must stop; the reason is the error to throw. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the time ran out. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** Milliseconds left, never negative. */
  remainingMs(): number {
    return Math.max(0, this.#endsAt - monotonicNow());
  }

  /** Stops the work with this error, unless it has already stopped. */
  interrupt(error: Error): void {
    // a second abort changes nothing
    this.#controller.abort(error);
    this.end();
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }

  /**
   * Calls `stop` when the work must stop; at once if it already must.
   *
   * @returns a function that takes the request back
   */
  whenStopped(stop: () => void): () => void {
    if (this.signal.aborted) stop();
    else this.#stops.add(stop);
    return () => this.#stops.delete(stop);
  }

  /** Ends the deadline: drops the timer and the listener on the caller's signal. */
  end(): void {
    clearTimeout(this.#timer);
    this.#detach();
  }

  /** Settles as the promise does, or rejects with the reason of `signal` if that comes first. What the promise does later is ignored. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const detach = this.whenStopped(() => reject(this.signal.reason as Error));
      promise.then(
        (value) => {
          detach();
          resolve(value);
        },
        (error: unknown) => {
          detach();
          reject(error as Error);
        },
      );
    });
  }

  /** Waits, or rejects with the reason of `signal` if that comes first. */
  async sleep(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.race(new Promise<void>((resolve) => (timer = setTimeout(resolve, clampTimeout(ms)))));
    } finally {
      clearTimeout(timer);
    }
  }
}

function listen(signal: AbortSignal, abort: () => void): void {
  // many calls under one signal are not a leak; undici raises the default too, so that Node does not warn
  if (signal instanceof EventTarget && getMaxListeners(signal) === defaultMaxListeners) setMaxListeners(1_500, signal);
  signal.addEventListener('abort', abort, { once: true });
}
