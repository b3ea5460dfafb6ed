import { isThenable } from './awaitable.js';

/**
 * Calls a function of the program whose failure must change nothing: a throw, or the rejection of a promise it returns, goes to `failed`. What
 * was thrown may be hostile itself; if `failed` throws over it, that is the end of it.
 */
export function callSafely<A extends readonly unknown[]>(fn: (...args: A) => unknown, args: A, failed: (error: unknown) => void): void {
  const report = (error: unknown): void => {
    try {
      failed(error);
    } catch {
      // it could not even be reported
    }
  };
  try {
    const result = fn(...args);
    if (isThenable(result)) result.then(undefined, report);
  } catch (error) {
    report(error);
  }
}
