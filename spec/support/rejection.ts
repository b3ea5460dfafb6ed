import type { AegisError } from '../../lib/model/AegisError.js';

/** What a promise rejects with; fails if it does not. */
export async function rejection(promise: PromiseLike<unknown>): Promise<AegisError & Record<string, unknown>> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as AegisError & Record<string, unknown>;
  }
  throw new Error(`it resolved to ${String(value)}`);
}
