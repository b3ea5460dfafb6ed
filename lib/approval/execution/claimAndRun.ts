import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { nextId } from '../../common/nextId.js';
import { monotonicNow } from '../../common/time/SteadyClock.js';
import { copyData } from '../../model/snapshot/copyData.js';
import { publishCallbackError, publishDiagnostic } from '../../model/diagnostics.js';
import { summarizeError } from '../../model/AegisError.js';
import { ForbiddenError } from '../../model/errors/RefusalErrors.js';
import type { Params } from '../../model/Params.js';
import type { ApprovedTask, ExecutingTask, Task } from '../../model/Task.js';
import type { TaskOutcome } from '../../store/TaskStore.js';
import { deniedAtRun, timedOut } from '../call/endings.js';
import type { ExecutionHost, RunApproved } from './ExecutionHost.js';
import type { PendingCall } from '../call/PendingCall.js';

/** Claims a task whose approval is used up, and enters its method. Of many that try, in whatever process, one does. */
export function claimAndRun(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { taskId, digest, expiresAtMs } = task;
  if (isOver(entry, host)) return;
  // an earlier claim may have been committed though its answer was lost
  const token = entry.claimToken ?? nextId('run');
  const claimedMs = monotonicNow();
  // from here on a shutdown waits for it
  entry.claimToken = token;
  return chain(host.registry.claim({ taskId, token, digest, nowMs: host.now(), leaseMs: host.leaseMs }), (executing) => {
    if (executing !== undefined) return startClaimed(entry, executing, claimedMs, run, host);
    return chain(host.registry.find(taskId), (now) => {
      if (now?.status === 'executing' && now.claimToken === token) return startClaimed(entry, now, claimedMs, run, host);
      entry.claimToken = undefined;
      // another process was first, and tells how that ends; or it has asked again, or given its claim back
      if (host.registry.durable && (now?.status === 'executing' || now?.status === 'pending')) return host.leave(entry, now);
      if (host.registry.durable && now?.status === 'approved' && now.digest === digest && host.now() < now.expiresAtMs)
        return host.retryLater(entry, new Error('The claim was another process’s, which has given it back.'));
      // cancelled in between: whoever did that has ended the entry; or its time is over, or the store has other params: then it is still open
      const over = host.now() >= expiresAtMs;
      const why = over
        ? timedOut(task, 'its time was over before it could run')
        : deniedAtRun(task, 'claim_lost', 'its task changed first.');
      return chain(host.end(entry, why), () => host.finish(entry, { ok: false, error: why.error }));
    });
  });
}

/** A claim that was long in coming may be another's by the time the method is entered. */
function startClaimed(
  entry: PendingCall,
  executing: ExecutingTask,
  claimedMs: number,
  run: RunApproved,
  host: ExecutionHost,
): Awaitable<void> {
  const isEnded = entry.phase === 'ended';
  if (!isEnded && monotonicNow() - claimedMs <= host.leaseMs / 2) return runClaimed(entry, executing, run, host);
  const late = new Error('The claim took more than half its lease.');
  const { taskId, claimToken } = executing;
  const givenBack = (): Awaitable<void> => {
    entry.claimToken = undefined;
    return isEnded ? undefined : host.retryLater(entry, late);
  };
  return attempt<unknown, void>(
    () => host.registry.release(taskId, claimToken),
    givenBack,
    (error) => {
      publishCallbackError('giving a claim back', error);
      host.registry.releaseLater(taskId, claimToken);
      return givenBack();
    },
  );
}

function runClaimed(entry: PendingCall, executing: ExecutingTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { digest, params, toolName, claimToken: token } = executing;
  return attempt<unknown, void>(
    () => {
      if (digestOf(params) === digest) return run(copyData(params), executing);
      reportTampering(executing);
      throw new ForbiddenError(`Tool '${toolName}' did not run: its params are not those that were approved.`, {
        code: 'approved_params_changed',
      });
    },
    (result) => {
      entry.result = { value: result };
      return settle(entry, token, { to: 'completed', result }, undefined, host);
    },
    (error: unknown) => {
      const summary = summarizeError(error);
      entry.noteError('failed', summary, error);
      return settle(entry, token, { to: 'failed', error: summary }, error, host);
    },
  );
}

/** Records how it ended, which ends the entry; if it cannot be recorded, the caller still gets what the method did. */
function settle(entry: PendingCall, token: string, outcome: TaskOutcome, error: unknown, host: ExecutionHost): Awaitable<void> {
  const tell = (): void => host.finish(entry, outcome.to === 'completed' ? { ok: true, value: outcome.result } : { ok: false, error });
  return attempt<unknown, void>(
    () => host.registry.settle(entry.task.taskId, token, outcome),
    tell,
    (failure: unknown) => {
      publishCallbackError('recording an outcome', failure);
      host.registry.settleLater(entry.task.taskId, token, outcome);
      tell();
    },
  );
}

/** Whether it ended, or everything does, while something was awaited. */
export function isOver(entry: PendingCall, { signal }: ExecutionHost): boolean {
  return entry.phase === 'ended' || signal.aborted;
}

export function reportTampering({ agentId, toolName, decisionId }: Task): void {
  const message = 'Approved params changed before they ran.';
  publishDiagnostic({ kind: 'security', code: 'approved_params_tampered', message, agentId, toolName, decisionId });
}

/** '' for what has no digest: it equals none. */
export function digestOf(params: Params): string {
  try {
    return canonicalDigest(params);
  } catch {
    return '';
  }
}
