import { clampTimeout } from '../../common/time/SteadyClock.js';
import type { McpRequest } from './context.js';

/** A tool reports its own progress with the same token, and progress has to increase: ours stays below what any tool would say. */
const STEP = 1e-6;

/**
 * Tells a client that asked for progress that its call is still looked at, so that it does not give up while a person decides. Ends with the
 * function returned.
 */
export function beatWhile({ progressToken, notify }: McpRequest, everyMs: number): () => void {
  if (progressToken === undefined) return () => {};
  let beats = 0;
  const beat = (): void => {
    beats += 1;
    const params = { progressToken, progress: beats * STEP, message: 'waiting for a decision' };
    // a client that is gone hears nothing, and the call ends by its signal
    Promise.resolve()
      .then(() => notify({ method: 'notifications/progress', params }))
      .catch(() => {});
  };
  const timer = setInterval(beat, clampTimeout(everyMs));
  timer.unref();
  return () => clearInterval(timer);
}
