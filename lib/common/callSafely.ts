import { isThenable } from './awaitable.js';

/**
 * Calls a function of the program whose failure must change nothing: a throw, or the rejection of a promise it returns, goes to `failed`.
 */
export function callSafely<A extends readonly unknown[]>(fn: (...args: A) => unknown, args: A, failed: (error: unknown) => void): void {
  try {
    const result = fn(...args);
    if (isThenable(result)) result.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}
