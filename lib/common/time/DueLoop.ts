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

/** An item that becomes due. The queue writes `heapIndex`. */
export interface Due {
  /** Its position in the queue; -1 while it is in none. */
  heapIndex: number;
}

/** A binary heap by due time. An item knows its position, so that moving or removing one of 100,000 takes log n steps and leaves nothing behind. */
export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];
  /** When each item of the heap is due: a list of numbers takes 8 bytes for each, a property of the items 24. */
  readonly #dueMs: number[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The item that is due first. */
  peek(): T | undefined {
    return this.#heap[0];
  }

  /** When the first item is due, in milliseconds of the owner's clock. */
  get nextDueMs(): number | undefined {
    return this.#dueMs[0];
  }

  /** Adds an item, or moves it to a new due time. */
  schedule(item: T, dueMs: number): void {
    if (item.heapIndex < 0) {
      item.heapIndex = this.#heap.length;
      this.#heap.push(item);
      this.#dueMs.push(dueMs);
      this.#up(item, dueMs);
      return;
    }
    this.#up(item, dueMs);
    this.#down(item, dueMs);
  }

  /** Takes the first item, if it is due. */
  takeDue(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || (this.#dueMs[0] as number) > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    const last = this.#heap.pop() as T;
    const lastDueMs = this.#dueMs.pop() as number;
    item.heapIndex = -1;
    if (last === item) return;
    this.#place(last, lastDueMs, index);
    this.#up(last, lastDueMs);
    this.#down(last, lastDueMs);
  }

  #place(item: T, dueMs: number, index: number): void {
    this.#heap[index] = item;
    this.#dueMs[index] = dueMs;
    item.heapIndex = index;
  }

  #up(item: T, dueMs: number): void {
    let index = item.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parentDueMs = this.#dueMs[parentIndex] as number;
      if (parentDueMs <= dueMs) break;
      this.#place(this.#heap[parentIndex] as T, parentDueMs, index);
      index = parentIndex;
    }
    this.#place(item, dueMs, index);
  }

  #down(item: T, dueMs: number): void {
    const size = this.#heap.length;
    let index = item.heapIndex;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && (this.#dueMs[child + 1] as number) < (this.#dueMs[child] as number)) child += 1;
      const leastDueMs = this.#dueMs[child] as number;
      if (leastDueMs >= dueMs) break;
      this.#place(this.#heap[child] as T, leastDueMs, index);
      index = child;
    }
    this.#place(item, dueMs, index);
  }
}
