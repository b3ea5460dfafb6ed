import { CallAbortedError } from '../../model/errors/RefusalErrors.js';

/** A promise, unless the signal is aborted first; leaves no listener on the signal. */
export function untilAborted<T>(promise: PromiseLike<T>, signal: AbortSignal | undefined, toolName: string): Promise<T> {
  if (signal === undefined) return Promise.resolve(promise);
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(new CallAbortedError(toolName, signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    const leave = (): void => signal.removeEventListener('abort', abort);
    // a promise of ours: a thenable may call back twice, or throw
    Promise.resolve(promise).then(
      (value) => {
        leave();
        resolve(value);
      },
      (error: unknown) => {
        leave();
        reject(error as Error);
      },
    );
  });
}
