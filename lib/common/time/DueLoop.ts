import { DueQueue } from './DueQueue.js';
import type { Due } from './DueQueue.js';
import { clampTimeout, monotonicNow } from './SteadyClock.js';

/** Options of a {@link DueLoop}. */
export interface DueLoopOptions<T> {
  /** The clock of the due times, in milliseconds. */
  readonly now: () => number;
  /** Handles an item that is due. Must not throw. */
  readonly handle: (item: T) => void;
}

/** The longest time that the loop holds the event loop at once, in milliseconds. */
const SLICE_MS = 2;

/** One timer for any number of items, each handled when it is due, in slices, so that 100,000 items due at once block nothing else. */
export class DueLoop<T extends Due> {
  readonly #queue = new DueQueue<T>();
  readonly #options: DueLoopOptions<T>;
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Infinity;
  #immediate: NodeJS.Immediate | undefined;
  #draining = false;
  #holdsProcess = true;
  #stopped = false;

  constructor(options: DueLoopOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** Adds an item, or moves it. */
  schedule(item: T, dueMs: number): void {
    if (this.#stopped) return;
    this.#queue.schedule(item, dueMs);
    this.#arm();
  }

  remove(item: T): void {
    this.#queue.remove(item);
    if (this.#queue.size === 0) this.#disarm();
  }

  /** Whether the timer keeps the process alive. */
  holdProcess(hold: boolean): void {
    if (hold === this.#holdsProcess) return;
    this.#holdsProcess = hold;
    if (hold) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** Stops handling items and clears the timer. */
  stop(): void {
    this.#stopped = true;
    this.#disarm();
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }

  #arm(): void {
    const nextDueMs = this.#queue.nextDueMs;
    if (nextDueMs === undefined || this.#stopped || this.#draining || this.#immediate !== undefined) return;
    if (this.#timer !== undefined && this.#timerDueMs <= nextDueMs) return;
    this.#disarm();
    this.#timerDueMs = nextDueMs;
    this.#timer = setTimeout(
      () => {
        this.#disarm();
        this.#drain();
      },
      clampTimeout(nextDueMs - this.#options.now()),
    );
    if (!this.#holdsProcess) this.#timer.unref();
  }

  #disarm(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerDueMs = Infinity;
  }

  #drain(): void {
    const { now, handle } = this.#options;
    const start = monotonicNow();
    this.#draining = true;
    let sliced = false;
    for (let item = this.#queue.takeDue(now()); item !== undefined; item = this.#queue.takeDue(now())) {
      handle(item);
      sliced = monotonicNow() - start > SLICE_MS;
      if (sliced || this.#stopped) break;
    }
    this.#draining = false;
    if (!sliced || this.#stopped) return this.#arm();
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      this.#drain();
    });
  }
}
