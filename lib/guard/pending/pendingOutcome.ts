import { chain } from '../../common/awaitable.js';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import { anyCall } from '../../approval/call/PendingCall.js';
import type { PendingCall, RunApproved } from '../../approval/call/PendingCall.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { ApprovalTimeoutError, CallAbortedError } from '../../model/errors/RefusalErrors.js';
import type { PendingOutcome } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';

interface WaitOptions {
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The ways to go on from a recorded approval. */
export function pendingOutcome<T>(
  { scheduler }: GuardRuntime,
  entry: PendingCall<T>,
  run: RunApproved<T>,
  { deduplicated, signal }: { readonly deduplicated: boolean; readonly signal: AbortSignal | undefined },
): PendingOutcome<T> {
  const known = anyCall(entry);
  const { handle } = entry;
  return {
    kind: 'pending',
    pending: handle,
    deduplicated,
    signal,
    schedule() {
      // its caller counts on it as long as it is open
      entry.waiters += 1;
      scheduler.follow(entry);
      return handle;
    },
    wait(options: WaitOptions = {}) {
      entry.waiters += 1;
      scheduler.follow(entry);
      return waitFor(
        entry,
        { waitMs: options.waitMs, signal: options.signal ?? signal },
        {
          cancel: (error) => scheduler.cancel(known, error),
          timeout: (why) => scheduler.timeout(known, why),
        },
      );
    },
    resume: ({ atOnce = false } = {}) =>
      chain(scheduler.redeem(known, run, atOnce), () => {
        const read = (): { readonly value: T } | undefined => {
          const { outcome } = entry;
          if (outcome?.ok === false) throw outcome.error;
          return outcome && { value: outcome.value };
        };
        // a duplicate call is running it just now, or finds that a person has to be asked again
        return entry.outcome === undefined && entry.execution !== undefined ? chain(entry.execution, read) : read();
      }),
    cancel: () => entry.cancel(),
  };
}

interface WaitEnds {
  cancel(error: Error): Promise<boolean>;
  timeout(why: string): Promise<boolean>;
}

/**
 * An abort or the deadline ends the approval, unless it was decided first: then the outcome is awaited. If others wait for the same approval,
 * only this caller stops waiting.
 */
function waitFor<T>(entry: PendingCall<T>, { waitMs, signal }: WaitOptions, ends: WaitEnds): Promise<T> {
  const { toolName, taskId, decisionId } = entry.task;
  return new Promise<T>((resolve, reject) => {
    const give = (error: Error, end: () => Promise<boolean>): void => {
      leave();
      // counted down at once: callers that share a signal all leave in one tick, and the last one ends the approval
      if (entry.waiters > 0) reject(error);
      else end().catch((failure: unknown) => publishCallbackError('ending an approval', failure)); // it stays open until its own end
    };
    const onAbort = (): void => {
      const error = new CallAbortedError(toolName, signal?.reason);
      give(error, () => ends.cancel(error));
    };
    const onTimeout = (): void => {
      const why = `it was not decided within ${waitMs} ms (waitMs)`;
      give(new ApprovalTimeoutError(taskId, decisionId, `The approval of tool '${toolName}' ended: ${why}.`), () => ends.timeout(why));
    };
    const stopTimer = waitMs === undefined ? undefined : startTimer(waitMs, onTimeout);
    let waiting = true;
    const leave = (): void => {
      if (waiting) entry.waiters -= 1;
      waiting = false;
      stopTimer?.();
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    entry.completed.then(resolve, reject).finally(leave);
    if (signal?.aborted === true) onAbort();
  });
}

/** A timer without a limit: setTimeout takes 24.8 days at most, and an approval may take longer. */
function startTimer(ms: number, fire: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    const step = clampTimeout(left);
    timer = setTimeout(() => (left > step ? arm(left - step) : fire()), step);
  };
  arm(ms);
  return () => clearTimeout(timer);
}
