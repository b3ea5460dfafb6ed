/** An item that becomes due. The queue writes `heapIndex`. */
export interface Due {
  /** When it is due, in milliseconds of the owner's clock. */
  dueMs: number;
  /** Its position in the queue; -1 while it is in none. */
  heapIndex: number;
}

/** A binary heap by due time. An item knows its position, so that moving or removing one of 100,000 takes log n steps and leaves nothing behind. */
export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The item that is due first. */
  peek(): T | undefined {
    return this.#heap[0];
  }

  /** Adds an item, or moves it to a new due time. */
  schedule(item: T, dueMs: number): void {
    item.dueMs = dueMs;
    if (item.heapIndex < 0) {
      item.heapIndex = this.#heap.length;
      this.#heap.push(item);
      this.#up(item);
      return;
    }
    this.#up(item);
    this.#down(item);
  }

  /** Takes the first item, if it is due. */
  takeDue(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    const last = this.#heap.pop() as T;
    item.heapIndex = -1;
    if (last === item) return;
    this.#place(last, index);
    this.#up(last);
    this.#down(last);
  }

  #place(item: T, index: number): void {
    this.#heap[index] = item;
    item.heapIndex = index;
  }

  #up(item: T): void {
    let index = item.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex] as T;
      if (parent.dueMs <= item.dueMs) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(item, index);
  }

  #down(item: T): void {
    const size = this.#heap.length;
    let index = item.heapIndex;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && (this.#heap[child + 1] as T).dueMs < (this.#heap[child] as T).dueMs) child += 1;
      const least = this.#heap[child] as T;
      if (least.dueMs >= item.dueMs) break;
      this.#place(least, index);
      index = child;
    }
    this.#place(item, index);
  }
}
