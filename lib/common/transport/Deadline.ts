import { defaultMaxListeners, getMaxListeners, setMaxListeners } from 'node:events';
import { clampTimeout, monotonicNow } from '../time/SteadyClock.js';

/** What ends work before it is done. */
export interface DeadlineOptions {
  /** Milliseconds from now, over everything done under this deadline. */
  readonly timeoutMs: number;
  /** The error when the time is up. */
  readonly timeoutError: () => Error;
  /** Aborts the work too. Nothing stays attached to it after `end()`. */
  readonly signal?: AbortSignal | undefined;
  /** The error when `signal` is aborted. */
  readonly abortError: (reason: unknown) => Error;
}

/**
 * One deadline over a piece of work in many steps. It ends the work by time, by the caller's signal or by `interrupt()`, whichever is first; that
 * one's error is the `reason` of `signal`. Call `end()` in a `finally`.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #endsAt: number;
  readonly #timer: NodeJS.Timeout;
  readonly #detach: () => void;
  /** Not listeners of `signal`: those of an EventTarget cost more than all else here. */
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

  /** Aborted when the work has to stop; the reason is the error to throw. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was time that ended the work. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** Milliseconds left, never negative. */
  remainingMs(): number {
    return Math.max(0, this.#endsAt - monotonicNow());
  }

  /** Stops the work with this error, unless it was stopped already. */
  interrupt(error: Error): void {
    // a second abort changes nothing
    this.#controller.abort(error);
    this.end();
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }

  /** Calls `stop` when the work has to stop, at once if it has to already, until the function it returns is called. */
  whenStopped(stop: () => void): () => void {
    if (this.signal.aborted) stop();
    else this.#stops.add(stop);
    return () => this.#stops.delete(stop);
  }

  /** The work is over: drops the timer and the listener on the caller's signal. */
  end(): void {
    clearTimeout(this.#timer);
    this.#detach();
  }

  /** What the promise gives, or the reason of `signal` if that comes first. The promise's own later fate is of no concern. */
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
  // many calls under one signal are no leak; undici, too, raises the default so that Node does not warn
  if (signal instanceof EventTarget && getMaxListeners(signal) === defaultMaxListeners) setMaxListeners(1_500, signal);
  signal.addEventListener('abort', abort, { once: true });
}
