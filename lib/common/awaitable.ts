/** A value, or a promise of one. In-process implementations answer at once; the guard then adds no tick to the call. */
export type Awaitable<T> = T | PromiseLike<T>;

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** `await` without the tick: continues at once when the value is already there. */
export function chain<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return isThenable(value) ? value.then(next) : next(value);
}

/** {@link chain} with an error path; a synchronous throw of `start` goes down the error path too. */
export function attempt<T, R>(
  start: () => Awaitable<T>,
  next: (value: T) => Awaitable<R>,
  failed: (error: unknown) => Awaitable<R>,
): Awaitable<R> {
  let value: Awaitable<T>;
  let later: Promise<T> | undefined;
  try {
    value = start();
    // whether it is a thenable may throw as well, and what its `then` does is its own affair
    if (isThenable(value)) later = Promise.resolve(value);
  } catch (error) {
    return failed(error);
  }
  return later === undefined ? next(value as T) : later.then(next, failed);
}

/** Waits for those that are not there yet; at once where all are. */
export function waitForAll(values: readonly Awaitable<unknown>[]): Awaitable<void> {
  const promises = values.filter(isThenable);
  return promises.length === 0 ? undefined : Promise.all(promises).then(() => undefined);
}
