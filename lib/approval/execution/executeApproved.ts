import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { checkDecision } from '../../model/checkDecision.js';
import type { Decision } from '../../model/Decision.js';
import type { ApprovedTask } from '../../model/Task.js';
import { claimAndRun, digestOf, isOver, reportTampering } from './claimAndRun.js';
import { deniedAtRun, timedOut } from '../call/endings.js';
import type { ExecutionHost, RunApproved } from './ExecutionHost.js';
import type { PendingCall } from '../call/PendingCall.js';

/**
 * The one sequence from approved to run: not expired → still the same caller → decided afresh on the original call → the same params → the
 * approval used up at the desk → one claim → run. Every step that fails ends the task, or asks again; none falls through to the next.
 */
export function executeApproved(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { decisions } = host;
  const { request, recheck } = entry.call;
  if (host.now() >= task.expiresAtMs) return host.end(entry, timedOut(task, 'its time was over before it could run'));
  const changed = recheckSafely(recheck);
  if (changed !== undefined) return host.end(entry, deniedAtRun(task, 'caller_changed', changed));
  if (decisions.reevaluate === undefined) return useApproval(entry, task, run, host);
  return attempt<Decision, void>(
    () =>
      chain(decisions.reevaluate?.(request, task.decisionId, { signal: host.signal }) as Awaitable<Decision>, (d) =>
        checkDecision(d, request),
      ),
    (decision) => applyFreshDecision(entry, task, run, host, decision),
    (error) => host.retryLater(entry, error),
  );
}

function applyFreshDecision(
  entry: PendingCall,
  task: ApprovedTask,
  run: RunApproved,
  host: ExecutionHost,
  decision: Decision,
): Awaitable<void> {
  switch (decision.effect) {
    case 'deny':
      return host.end(entry, deniedAtRun(task, 'denied_at_run', decision.reason ?? 'policy denies it now.', decision));
    case 'approval_needed':
      return host.askAgain(entry, decision);
    default: {
      const digest = decision.params === undefined ? task.originalDigest : digestOf(decision.params);
      if (digest === task.digest) return useApproval(entry, task, run, host);
      return host.end(
        entry,
        deniedAtRun(task, 'approved_params_changed', 'policy would now run it with other params than were approved.', decision),
      );
    }
  }
}

function useApproval(entry: PendingCall, task: ApprovedTask, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { decisionId, digest, params } = task;
  if (isOver(entry, host)) return;
  if (digestOf(params) !== digest) {
    reportTampering(task);
    return host.end(entry, deniedAtRun(task, 'approved_params_changed', 'its params are not those that were approved.'));
  }
  // of the task, not of this execution: one that crashed before its claim begins again under the same approval
  const token = entry.task.taskId;
  return attempt<boolean, void>(
    // where there is nothing to use up, the claim alone is the guard; an answer that is not true is a no
    () => (host.decisions.consume === undefined ? true : host.decisions.consume({ decisionId, digest, token })),
    (used) => {
      if (used === true) return claimAndRun(entry, task, run, host);
      return host.end(entry, deniedAtRun(task, 'approval_not_usable', 'the approval was used, withdrawn or is over.'));
    },
    (error) =>
      // a durable approval is not lost because its store is away for a moment
      host.registry.durable
        ? host.retryLater(entry, error)
        : host.end(entry, deniedAtRun(task, 'approval_not_usable', 'the approval could not be used up.')),
  );
}

function recheckSafely(recheck: (() => string | undefined) | undefined): string | undefined {
  try {
    return recheck?.();
  } catch {
    return 'whom it runs for could not be established again.';
  }
}
