/** A write that waits for the end of its turn. */
interface WaitingWrite {
  readonly work: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits the writes of one turn of the event loop in one transaction: the disk takes as long for a commit of one as for one of many. A write that comes alone
 * is committed at once, and its caller does not wait. None is answered before it is committed.
 */
export class CommitGroup {
  readonly #write: <T>(work: () => T) => T;
  #waiting: WaitingWrite[] = [];
  /** How many came in this turn. */
  #count = 0;
  /** Whether several came in the turn before: then the first one of this turn waits for the others. */
  #isBusy = false;

  /** @param write runs one transaction, which an error undoes */
  constructor(write: <T>(work: () => T) => T) {
    this.#write = write;
  }

  /**
   * Runs a write in a transaction of its own, or in one that it shares.
   *
   * @param work may run twice, the first time in a transaction that is undone
   * @throws what `work` or the commit throws, or rejects with it
   */
  run<T>(work: () => T): T | Promise<T> {
    this.#count += 1;
    if (this.#count === 1) {
      setImmediate(() => this.flush());
      if (!this.#isBusy) return this.#write(work);
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /** Commits what waits, now. */
  flush(): void {
    const group = this.#waiting;
    this.#waiting = [];
    this.#isBusy = this.#count > 1;
    this.#count = 0;
    if (group.length > 0) this.#commit(group);
  }

  #commit(group: readonly WaitingWrite[]): void {
    let failedBy: WaitingWrite | undefined;
    let results: readonly unknown[];
    try {
      results = this.#write(() =>
        group.map((one) => {
          failedBy = one;
          const result = one.work();
          failedBy = undefined;
          return result;
        }),
      );
    } catch (error) {
      // what fails because of one of them is no reason to refuse the others; where the disk does not take them, it takes none
      if (failedBy !== undefined && group.length > 1) for (const one of group) this.#commit([one]);
      else for (const { reject } of group) reject(error);
      return;
    }
    group.forEach(({ resolve }, i) => resolve(results[i]));
  }
}
