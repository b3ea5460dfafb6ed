import { clampTimeout } from '../../common/time/SteadyClock.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { TaskRecorder } from '../task/TaskRecorder.js';

export interface HeartbeatOptions {
  readonly leaseMs: number;
  /** How often, in milliseconds, unless the lease wants it more often. */
  readonly everyMs: number;
  readonly keepAlive: boolean;
  /** Called after each, but not after a pause: a machine that slept has others on it that could not say yet that they live. */
  readonly onBeat: () => void;
}

/** Tells a store at intervals that this process lives, and takes over the store's time. */
export class Heartbeat {
  readonly #tasks: TaskRecorder;
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #stopped = false;

  constructor(tasks: TaskRecorder, options: HeartbeatOptions) {
    this.#tasks = tasks;
    this.#options = options;
  }

  /** Sends one now. Rejects where the store does not take it. */
  async once(): Promise<void> {
    await this.#tasks.renewClaims(this.#options.leaseMs);
  }

  /** Sends one at intervals from now on. */
  start(): void {
    this.#lastMs = this.#tasks.clock.now();
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#stopped) return;
    const { everyMs, leaseMs, keepAlive } = this.#options;
    this.#timer = setTimeout(() => void this.#tick(), clampTimeout(Math.min(everyMs, leaseMs / 3)));
    if (!keepAlive) this.#timer.unref();
  }

  async #tick(): Promise<void> {
    const nowMs = this.#tasks.clock.now();
    const paused = nowMs - this.#lastMs > this.#options.leaseMs / 2;
    this.#lastMs = nowMs;
    try {
      await this.once();
    } catch (error) {
      // tried again by the next one
      if (!this.#stopped) publishCallbackError('renewing leases', error);
    }
    if (!paused) this.#options.onBeat();
    this.#arm();
  }
}
