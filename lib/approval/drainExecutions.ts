import { clampTimeout } from '../common/timers.js';
import { summarizeError } from '../model/errors/AegisError.js';
import { OutcomeUnknownError } from '../model/errors/RefusalErrors.js';
import type { PendingCall } from './PendingCall.js';
import type { TaskRegistry } from './TaskRegistry.js';

/** Waits for what is executing, `graceMs` at most; what still runs then is recorded as `unknown`, and may settle itself later. */
export async function drainExecutions(executing: ReadonlySet<PendingCall>, graceMs: number, registry: TaskRegistry): Promise<void> {
  if (executing.size === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, clampTimeout(graceMs));
  });
  const all = Promise.allSettled([...executing].map((entry) => entry.handle.completed));
  await Promise.race([all, grace]);
  clearTimeout(timer);
  for (const entry of executing) {
    if (entry.claimToken === undefined) continue;
    const error = new OutcomeUnknownError(entry.task.taskId, `Tool '${entry.task.toolName}' was still running when its module closed.`);
    entry.error = error;
    await registry.settle(entry.task.taskId, entry.claimToken, { to: 'unknown', error: summarizeError(error) });
  }
}
