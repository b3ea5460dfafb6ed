import { clampTimeout } from '../../common/time/SteadyClock.js';
import type { McpRequest } from './context.js';

/** The tool reports its own progress with the same token, and progress must increase: these steps stay below any progress of a tool. */
const STEP = 1e-6;

/**
 * Sends progress notifications to a client that asked for progress, so that it does not give up while a person decides.
 *
 * @param everyMs the time between two notifications, in milliseconds
 * @returns a function that ends the notifications
 */
export function startHeartbeat({ progressToken, notify }: McpRequest, everyMs: number): () => void {
  if (progressToken === undefined) return () => {};
  let beats = 0;
  const beat = (): void => {
    beats += 1;
    const params = { progressToken, progress: beats * STEP, message: 'waiting for a decision' };
    // where the client is gone, the call's signal ends the call
    Promise.resolve()
      .then(() => notify({ method: 'notifications/progress', params }))
      .catch(() => {});
  };
  const timer = setInterval(beat, clampTimeout(everyMs));
  timer.unref();
  return () => clearInterval(timer);
}
