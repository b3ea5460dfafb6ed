import { attempt } from '../../common/awaitable.js';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { summarizeError } from '../../model/AegisError.js';
import { OutcomeUnknownError, ShutdownError } from '../../model/errors/RefusalErrors.js';
import { cancelledWith } from '../call/resolution.js';
import { dropCall, settleCall } from '../call/settleCall.js';
import type { PendingCall } from '../call/PendingCall.js';
import type { TaskRegistry } from '../task/TaskRegistry.js';
import { tokenHeld } from './Claim.js';
import type { ExecutionHost } from './ExecutionHost.js';

/** Ends what has not begun for its waiters. What another process may run stays in its store; everything else is cancelled. */
export async function endOpenCalls(host: ExecutionHost): Promise<void> {
  for (const entry of host.calls.all()) {
    // what has its claim is waited for
    if (entry.claimToken !== undefined && host.executing.has(entry)) continue;
    await endOpenCall(entry, host);
  }
}

async function endOpenCall(entry: PendingCall, host: ExecutionHost): Promise<void> {
  const begun = tokenHeld(entry, host);
  if (begun !== undefined) return endUnknown(entry, begun, 'was about to run', host);
  if (entry.claimToken !== undefined) await giveBack(entry, entry.claimToken, host.registry);
  const error = new ShutdownError(
    `The approval of tool '${entry.task.toolName}' ended, because its module was closed before the call ran.`,
  );
  try {
    if (entry.task.origin?.resumable !== true) await settleCall(host, entry, cancelledWith(error), 'withdraw');
  } catch {
    // what could not be cancelled in its store ends for its waiters all the same
  }
  dropCall(host, entry, error);
}

/** A claim whose answer was lost may be in the store: it has not begun, and now never will. */
async function giveBack(entry: PendingCall, token: string, registry: TaskRegistry): Promise<void> {
  try {
    await registry.release(entry.task.taskId, token);
  } catch (error) {
    publishCallbackError('releasing a claim', error);
  }
  entry.claimToken = undefined;
}

/** Waits for what is executing, `graceMs` at most; what still runs then is recorded as `unknown`, and may settle itself later. */
export async function drainExecutions(host: ExecutionHost, graceMs: number): Promise<void> {
  const { executing } = host;
  if (executing.size === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, clampTimeout(graceMs));
  });
  const all = Promise.allSettled([...executing].map((entry) => endOfExecution(entry, host)));
  await Promise.race([all, grace]);
  clearTimeout(timer);
  for (const entry of executing) {
    if (entry.claimToken === undefined) continue;
    await endUnknown(entry, entry.claimToken, 'was still running', host);
  }
}

async function endUnknown(entry: PendingCall, token: string, what: string, { journal, registry }: ExecutionHost): Promise<void> {
  const { taskId, toolName, agentId, decisionId } = entry.task;
  const error = new OutcomeUnknownError(
    taskId,
    `Tool '${toolName}' ${what} when its module closed, so its outcome is unknown. Check what it did before you call it again.`,
  );
  const summary = summarizeError(error);
  entry.noteError('unknown', summary, error);
  journal?.note({ kind: 'settled', agentId, toolName, decisionId, taskId, outcome: 'unknown' });
  await attempt<unknown, void>(
    () => registry.settle(taskId, token, { to: 'unknown', error: summary }),
    // where its claim is not in the store yet: it never runs
    () => entry.end({ ok: false, error }),
    (failure) => {
      publishCallbackError('recording an outcome', failure);
      entry.end({ ok: false, error });
    },
  );
}

/** Settles when the call has ended. A claim that came too late to be used, or that failed, is given back, and its call ends like the others. */
async function endOfExecution(entry: PendingCall, host: ExecutionHost): Promise<void> {
  const ended = entry.completed.then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([ended, entry.execution]);
  if (entry.phase !== 'ended' && !host.executing.has(entry)) await endOpenCall(entry, host);
  await ended;
}
