/** A value, or a promise of one. Implementations in this process answer at once; the guard then adds no tick to the call. */
export type Awaitable<T> = T | PromiseLike<T>;

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** As `await`, without the tick: continues at once if the value is already there. */
export function chain<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return isThenable(value) ? value.then(next) : next(value);
}

/** As {@link chain}, with an error path, which a synchronous throw of `start` takes too. */
export function attempt<T, R>(
  start: () => Awaitable<T>,
  next: (value: T) => Awaitable<R>,
  failed: (error: unknown) => Awaitable<R>,
): Awaitable<R> {
  let value: Awaitable<T>;
  let later: Promise<T> | undefined;
  try {
    value = start();
    // the check for a thenable may throw too; Promise.resolve contains what its `then` does
    if (isThenable(value)) later = Promise.resolve(value);
  } catch (error) {
    return failed(error);
  }
  return later === undefined ? next(value as T) : later.then(next, failed);
}

/** Waits for all values; returns at once if all are already there. */
export function waitForAll(values: readonly Awaitable<unknown>[]): Awaitable<void> {
  const promises = values.filter(isThenable);
  return promises.length === 0 ? undefined : Promise.all(promises).then(() => undefined);
}

/**
 * Calls a function of the program whose failure must change nothing: a throw, or the rejection of a promise it returns, goes to `failed`. The
 * thrown value may be hostile: if `failed` throws because of it, that error is dropped.
 */
export function callSafely<A extends readonly unknown[]>(fn: (...args: A) => unknown, args: A, failed: (error: unknown) => void): void {
  const report = (error: unknown): void => {
    try {
      failed(error);
    } catch {
      // the failure cannot be reported
    }
  };
  try {
    const result = fn(...args);
    if (isThenable(result)) result.then(undefined, report);
  } catch (error) {
    report(error);
  }
}
