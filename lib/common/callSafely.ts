import { isThenable } from './awaitable.js';

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
