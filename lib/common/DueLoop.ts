import { isThenable } from './awaitable.js';
import type { Awaitable } from './awaitable.js';
import { DueQueue } from './DueQueue.js';
import type { Due } from './DueQueue.js';
import { clampTimeout, monotonicNow } from './timers.js';

export interface DueLoopOptions<T> {
  /** The clock that due times are on. */
  readonly now: () => number;
  /** Does what is due. Must not throw or reject. */
  readonly handle: (item: T) => Awaitable<void>;
  /** How many may be under way at once. */
  readonly maxConcurrent: number;
}

/** The event loop is never held longer at a time, in milliseconds. */
const SLICE_MS = 2;

/** One timer for any number of items, each handled when it falls due: in slices, so that 100,000 due together block nothing else. */
export class DueLoop<T extends Due> {
  readonly #queue = new DueQueue<T>();
  readonly #options: DueLoopOptions<T>;
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Infinity;
  #immediate: NodeJS.Immediate | undefined;
  #active = 0;
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

  /** Handles nothing more, and holds no timer. */
  stop(): void {
    this.#stopped = true;
    this.#disarm();
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }

  #arm(): void {
    const first = this.#queue.peek();
    if (first === undefined || this.#stopped || this.#immediate !== undefined) return;
    if (this.#timer !== undefined && this.#timerDueMs <= first.dueMs) return;
    // at the limit: whatever ends next drains on
    if (this.#active >= this.#options.maxConcurrent) return;
    this.#disarm();
    this.#timerDueMs = first.dueMs;
    this.#timer = setTimeout(
      () => {
        this.#disarm();
        this.#drain();
      },
      clampTimeout(first.dueMs - this.#options.now()),
    );
    if (!this.#holdsProcess) this.#timer.unref();
  }

  #disarm(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerDueMs = Infinity;
  }

  #drain(): void {
    const { now, maxConcurrent } = this.#options;
    const start = monotonicNow();
    while (this.#active < maxConcurrent && !this.#stopped) {
      const item = this.#queue.takeDue(now());
      if (item === undefined) break;
      this.#run(item);
      if (monotonicNow() - start > SLICE_MS) {
        this.#immediate ??= setImmediate(() => {
          this.#immediate = undefined;
          this.#drain();
        });
        return;
      }
    }
    this.#arm();
  }

  #run(item: T): void {
    const work = this.#options.handle(item);
    if (!isThenable(work)) return;
    this.#active += 1;
    const ended = (): void => {
      this.#active -= 1;
      this.#arm();
    };
    work.then(ended, ended);
  }
}
