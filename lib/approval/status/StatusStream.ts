import { monotonicNow } from '../../common/time/SteadyClock.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import type { DecisionStatus } from '../../model/Decision.js';

/** The event loop is never held longer at a time by what is pushed, in milliseconds. */
const SLICE_MS = 2;

/** Reads the statuses that a service pushes, for as long as it does. */
export class StatusStream {
  readonly #service: DecisionService;
  readonly #onStatus: (status: DecisionStatus) => void;
  readonly #onEnd: (error: unknown) => void;
  #live = false;

  constructor(service: DecisionService, onStatus: (status: DecisionStatus) => void, onEnd: (error: unknown) => void) {
    this.#service = service;
    this.#onStatus = onStatus;
    this.#onEnd = onEnd;
  }

  /** Starts reading, unless the service cannot push. Returns whether statuses are pushed now; while they are, nothing needs to be polled. */
  start(signal: AbortSignal): boolean {
    if (this.#live || signal.aborted || this.#service.watch === undefined) return this.#live;
    let statuses: AsyncIterable<DecisionStatus>;
    try {
      statuses = this.#service.watch(signal);
    } catch (error) {
      this.#onEnd(error);
      return false;
    }
    this.#live = true;
    void this.#read(statuses, signal);
    // what cannot be read has ended by now
    return this.#live;
  }

  async #read(statuses: AsyncIterable<DecisionStatus>, signal: AbortSignal): Promise<void> {
    let failure: unknown;
    let sliceStart = 0;
    let handled = -Infinity;
    try {
      for await (const status of statuses) {
        if (signal.aborted) break;
        const now = monotonicNow();
        // what came after a pause has let the event loop go by itself
        if (now - handled > SLICE_MS) sliceStart = now;
        this.#onStatus(status);
        handled = monotonicNow();
        if (handled - sliceStart <= SLICE_MS) continue;
        await new Promise((resolve) => setImmediate(resolve));
        handled = -Infinity;
      }
    } catch (error) {
      failure = error;
    }
    this.#live = false;
    if (!signal.aborted) this.#onEnd(failure);
  }
}
