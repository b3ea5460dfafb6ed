import { attempt, chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { canonicalDigest } from '../common/canonical.js';
import { nextId } from '../common/ids.js';
import type { DecisionService } from '../decision/DecisionService.js';
import { checkDecision } from '../model/checkDecision.js';
import { copyData } from '../model/copyData.js';
import type { ApprovalNeededDecision, Decision } from '../model/Decision.js';
import { publishDiagnostic } from '../model/diagnostics.js';
import { summarizeError } from '../model/errors/AegisError.js';
import { ForbiddenError } from '../model/errors/RefusalErrors.js';
import type { Params } from '../model/Params.js';
import type { ApprovedTask } from '../model/Task.js';
import type { TaskOutcome } from '../store/TaskStore.js';
import { deniedAtRun, timedOut } from './endings.js';
import type { Ending } from './endings.js';
import type { PendingCall } from './PendingCall.js';
import type { TaskRegistry } from './TaskRegistry.js';

/** What the sequence needs of the scheduler. */
export interface ExecutionHost {
  readonly decisions: DecisionService;
  readonly registry: TaskRegistry;
  readonly signal: AbortSignal;
  now(): number;
  end(entry: PendingCall, ending: Ending): Awaitable<void>;
  askAgain(entry: PendingCall, decision: ApprovalNeededDecision): Awaitable<void>;
  retryLater(entry: PendingCall, error: unknown): Awaitable<void>;
}

type Run = (params: Params) => Awaitable<unknown>;

/**
 * The one sequence from approved to run: not expired → still the same caller → decided afresh on the original call → the same params → the
 * approval used up at the desk → one claim → run. Every step that fails ends the task, or asks again; none falls through to the next.
 */
export function executeApproved(entry: PendingCall, task: ApprovedTask, run: Run, host: ExecutionHost): Awaitable<void> {
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

function applyFreshDecision(entry: PendingCall, task: ApprovedTask, run: Run, host: ExecutionHost, decision: Decision): Awaitable<void> {
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

function useApproval(entry: PendingCall, task: ApprovedTask, run: Run, host: ExecutionHost): Awaitable<void> {
  const { decisionId, agentId, toolName, digest, params } = task;
  if (digestOf(params) !== digest) {
    publishDiagnostic({
      kind: 'security',
      code: 'approved_params_tampered',
      message: 'Approved params changed before they ran.',
      agentId,
      toolName,
      decisionId,
    });
    return host.end(entry, deniedAtRun(task, 'approved_params_changed', 'its params are not those that were approved.'));
  }
  const token = nextId('run');
  return attempt<boolean, void>(
    () => host.decisions.consume?.({ decisionId, digest, token }) ?? true,
    (used) => {
      if (used === true) return claimAndRun(entry, task, token, run, host);
      return host.end(entry, deniedAtRun(task, 'approval_not_usable', 'the approval was used, withdrawn or is over.'));
    },
    () => host.end(entry, deniedAtRun(task, 'approval_not_usable', 'the approval could not be used up.')),
  );
}

function claimAndRun(entry: PendingCall, task: ApprovedTask, token: string, run: Run, host: ExecutionHost): Awaitable<void> {
  const { taskId, digest } = task;
  return chain(host.registry.claim({ taskId, token, digest, nowMs: host.now() }), (executing) => {
    if (executing === undefined) {
      // cancelled, or timed out, in between: whoever did that has ended the entry; an approval past its time is still open
      if (host.now() >= task.expiresAtMs) return host.end(entry, timedOut(task, 'its time was over before it could run'));
      entry.end({
        ok: false,
        error: new ForbiddenError(`Tool '${task.toolName}' did not run: its task changed first.`, { code: 'claim_lost' }),
      });
      return;
    }
    entry.claimToken = token;
    return attempt<unknown, void>(
      () => run(copyData(executing.params)),
      (result) => settle(entry, token, { to: 'completed', result }, host),
      (error: unknown) => {
        entry.error = error;
        return settle(entry, token, { to: 'failed', error: summarizeError(error) }, host);
      },
    );
  });
}

/** Records how it ended, which ends the entry; if it cannot be recorded, the caller still gets what the method did. */
function settle(entry: PendingCall, token: string, outcome: TaskOutcome, host: ExecutionHost): Awaitable<void> {
  const tell = (): void => entry.end(outcome.to === 'completed' ? { ok: true, value: outcome.result } : { ok: false, error: entry.error });
  return attempt<unknown, void>(
    () => host.registry.settle(entry.task.taskId, token, outcome),
    tell,
    (error: unknown) => {
      publishDiagnostic({ kind: 'callback', where: 'recording an outcome', error: summarizeError(error) });
      tell();
    },
  );
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
