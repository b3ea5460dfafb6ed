import { attempt, chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { canonicalDigest } from '../common/canonical.js';
import { nextId } from '../common/ids.js';
import type { DecisionService } from '../decision/DecisionService.js';
import { checkDecision } from '../model/checkDecision.js';
import { copyData } from '../model/copyData.js';
import type { ApprovalNeededDecision, Decision } from '../model/Decision.js';
import { publishCallbackError, publishDiagnostic } from '../model/diagnostics.js';
import { summarizeError } from '../model/errors/AegisError.js';
import { ForbiddenError } from '../model/errors/RefusalErrors.js';
import type { Params } from '../model/Params.js';
import type { ApprovedTask, ExecutingTask, Task } from '../model/Task.js';
import type { TaskOutcome } from '../store/TaskStore.js';
import type { HandleOutcome } from './approvalHandle.js';
import { deniedAtRun, timedOut } from './endings.js';
import type { Ending } from './endings.js';
import type { PendingCall } from './PendingCall.js';
import type { TaskRegistry } from './TaskRegistry.js';

/** What the sequence needs of the scheduler. */
export interface ExecutionHost {
  readonly decisions: DecisionService;
  readonly registry: TaskRegistry;
  readonly signal: AbortSignal;
  /** How long a claim holds unless it is renewed, in milliseconds. */
  readonly leaseMs: number;
  now(): number;
  end(entry: PendingCall, ending: Ending): Awaitable<void>;
  askAgain(entry: PendingCall, decision: ApprovalNeededDecision): Awaitable<void>;
  retryLater(entry: PendingCall, error: unknown): Awaitable<void>;
  /** Ends it for its waiters after it ran, even where that could not be recorded. */
  finish(entry: PendingCall, outcome: HandleOutcome<unknown>): void;
}

/** Enters a method with the params that were approved, for a task that is executing. */
export type RunApproved = (params: Params, task: Task) => Awaitable<unknown>;

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
  const token = nextId('run');
  return attempt<boolean, void>(
    // where there is nothing to use up, the claim alone is the guard; an answer that is not true is a no
    () => (host.decisions.consume === undefined ? true : host.decisions.consume({ decisionId, digest, token })),
    (used) => {
      if (used === true) return claimAndRun(entry, task, token, run, host);
      return host.end(entry, deniedAtRun(task, 'approval_not_usable', 'the approval was used, withdrawn or is over.'));
    },
    () => host.end(entry, deniedAtRun(task, 'approval_not_usable', 'the approval could not be used up.')),
  );
}

function claimAndRun(entry: PendingCall, task: ApprovedTask, token: string, run: RunApproved, host: ExecutionHost): Awaitable<void> {
  const { taskId, digest, expiresAtMs } = task;
  if (isOver(entry, host)) return;
  // from here on a shutdown waits for it
  entry.claimToken = token;
  return chain(host.registry.claim({ taskId, token, digest, nowMs: host.now(), leaseMs: host.leaseMs }), (executing) => {
    if (executing !== undefined) return runClaimed(entry, executing, run, host);
    // cancelled in between: whoever did that has ended the entry; or its time is over, or the store has other params: then it is still open
    entry.claimToken = undefined;
    const over = host.now() >= expiresAtMs;
    const why = over ? timedOut(task, 'its time was over before it could run') : deniedAtRun(task, 'claim_lost', 'its task changed first.');
    return chain(host.end(entry, why), () => host.finish(entry, { ok: false, error: why.error }));
  });
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
    (result) => settle(entry, token, { to: 'completed', result }, undefined, host),
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
      tell();
    },
  );
}

/** Whether it ended, or everything does, while something was awaited. */
function isOver(entry: PendingCall, { signal }: ExecutionHost): boolean {
  return entry.phase === 'ended' || signal.aborted;
}

function reportTampering({ agentId, toolName, decisionId }: Task): void {
  const message = 'Approved params changed before they ran.';
  publishDiagnostic({ kind: 'security', code: 'approved_params_tampered', message, agentId, toolName, decisionId });
}

function recheckSafely(recheck: (() => string | undefined) | undefined): string | undefined {
  try {
    return recheck?.();
  } catch {
    return 'whom it runs for could not be established again.';
  }
}

/** '' for what has no digest: it equals none. */
function digestOf(params: Params): string {
  try {
    return canonicalDigest(params);
  } catch {
    return '';
  }
}
