import { clampTimeout, monotonicNow } from '../../common/time/SteadyClock.js';
import type { DecisionService, WatchedStatus } from '../../decision/DecisionService.js';

/** The event loop is never held longer at a time by what is pushed, in milliseconds. */
const SLICE_MS = 2;
/** How long until a stream that ended is started again: twice as long each time, in milliseconds. */
const FIRST_RESTART_MS = 500;
const LAST_RESTART_MS = 30_000;

/** What becomes of a stream. */
export interface StreamListeners {
  readonly onStatus: (status: WatchedStatus) => void;
  readonly onEnd: (error: unknown) => void;
  /** Uniform in [0, 1): processes that lost the same server do not come back all at once. */
  readonly random: () => number;
}

/** Reads the statuses that a service pushes, for as long as it does. */
export class StatusStream {
  readonly #service: DecisionService;
  readonly #listeners: StreamListeners;
  #live = false;
  #restart: NodeJS.Timeout | undefined;
  /** Streams in a row that gave nothing. */
  #failures = 0;

  constructor(service: DecisionService, listeners: StreamListeners) {
    this.#service = service;
    this.#listeners = listeners;
  }

  /** Starts reading, unless the service cannot push. Returns whether statuses are pushed now; while they are, nothing needs to be polled. */
  start(signal: AbortSignal): boolean {
    if (this.#live || signal.aborted || this.#service.watch === undefined) return this.#live;
    this.stop();
    let statuses: AsyncIterable<WatchedStatus>;
    try {
      statuses = this.#service.watch(signal);
    } catch (error) {
      this.#listeners.onEnd(error);
      return false;
    }
    this.#live = true;
    void this.#read(statuses, signal);
    // what cannot be read has ended by now
    return this.#live;
  }

  /** Has `start` called after a while, once. It does not keep the process alive. */
  restartLater(start: () => void): void {
    this.stop();
    const delayMs = Math.min(FIRST_RESTART_MS * 2 ** this.#failures, LAST_RESTART_MS) * (0.5 + this.#listeners.random());
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      start();
    }, clampTimeout(delayMs));
    this.#restart.unref();
  }

  /** Restarts nothing. */
  stop(): void {
    clearTimeout(this.#restart);
    this.#restart = undefined;
  }

  async #read(statuses: AsyncIterable<WatchedStatus>, signal: AbortSignal): Promise<void> {
    let failure: unknown;
    let sliceStart = 0;
    let handled = -Infinity;
    this.#failures += 1;
    try {
      for await (const status of statuses) {
        if (signal.aborted) break;
        this.#failures = 0;
        const now = monotonicNow();
        // what came after a pause has let the event loop go by itself
        if (now - handled > SLICE_MS) sliceStart = now;
        this.#listeners.onStatus(status);
        handled = monotonicNow();
        if (handled - sliceStart <= SLICE_MS) continue;
        await new Promise((resolve) => setImmediate(resolve));
        handled = -Infinity;
      }
    } catch (error) {
      failure = error;
    }
    this.#live = false;
    if (!signal.aborted) this.#listeners.onEnd(failure);
  }
}
