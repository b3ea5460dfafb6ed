import { attempt } from '../../common/awaitable.js';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { summarizeError } from '../../model/AegisError.js';
import { OutcomeUnknownError, ShutdownError } from '../../model/errors/RefusalErrors.js';
import type { CallEnder } from '../call/CallEnder.js';
import type { CallIndex } from '../call/CallIndex.js';
import type { PendingCall } from '../call/PendingCall.js';
import type { TaskRegistry } from '../task/TaskRegistry.js';

/** Ends what has not begun for its waiters. What another process may run stays in its store; everything else is cancelled. */
export async function endOpenCalls(
  calls: CallIndex,
  executing: ReadonlySet<PendingCall>,
  registry: TaskRegistry,
  ender: CallEnder,
  cancel: (entry: PendingCall, error: Error) => Promise<boolean>,
): Promise<void> {
  for (const entry of calls.all()) {
    // what has its claim is waited for
    if (entry.claimToken !== undefined && executing.has(entry)) continue;
    if (entry.claimToken !== undefined) await giveBack(entry, entry.claimToken, registry);
    const error = new ShutdownError(`The approval of tool '${entry.task.toolName}' ended with its module.`);
    if (entry.task.origin?.resumable !== true) await cancel(entry, error).catch(() => false);
    // what is left in its store, or could not be cancelled there
    ender.drop(entry, error);
  }
}

/** A claim whose answer was lost may be in the store: it has not begun, and now never will. */
async function giveBack(entry: PendingCall, token: string, registry: TaskRegistry): Promise<void> {
  try {
    await registry.release(entry.task.taskId, token);
  } catch (error) {
    publishCallbackError('giving a claim back', error);
  }
  entry.claimToken = undefined;
}

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
      // where its claim is not in the store yet: it never runs
      () => entry.end({ ok: false, error }),
      (failure) => {
        publishCallbackError('recording an outcome', failure);
        entry.end({ ok: false, error });
      },
    );
  }
}
