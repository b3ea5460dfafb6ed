import { attempt } from '../common/awaitable.js';
import { clampTimeout } from '../common/timers.js';
import { publishCallbackError } from '../model/diagnostics.js';
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
    const { taskId, toolName } = entry.task;
    const error = new OutcomeUnknownError(taskId, `Tool '${toolName}' was still running when its module closed.`);
    const summary = summarizeError(error);
    entry.noteError('unknown', summary, error);
    await attempt<unknown, void>(
      () => registry.settle(taskId, entry.claimToken as string, { to: 'unknown', error: summary }),
      () => undefined,
      (failure) => {
        publishCallbackError('recording an outcome', failure);
        entry.end({ ok: false, error });
      },
    );
  }
}
