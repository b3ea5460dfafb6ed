import { ApprovalCancelledError, ApprovalTimeoutError, ForbiddenError, OutcomeUnknownError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import { summarizeError } from '../../model/AegisError.js';
import type { Decision, DecisionStatus } from '../../model/Decision.js';
import { publishDiagnostic } from '../../model/diagnostics.js';
import type { Task } from '../../model/Task.js';
import type { TaskChange } from '../../store/TaskStore.js';

/** A way for an approval to end without running: what the task records, and what its caller gets. */
export interface Resolution {
  readonly change: TaskChange;
  readonly error: Error;
}

/** An idempotent task whose process died has begun, perhaps more than once, before it ends without running again. */
function begunBefore({ runs }: Task): string {
  return runs === 0
    ? ''
    : ` (It had begun before, ${runs === 1 ? 'once' : `${runs} times`}, in a process that died: nobody knows what that did.)`;
}

function ending(to: 'denied' | 'timeout' | 'cancelled' | 'failed', error: Error, deniedBy?: string): Resolution {
  const summary = summarizeError(error);
  return { error, change: to === 'denied' ? { to, error: summary, deniedBy } : { to, error: summary } };
}

/** A person said no. */
function deniedByPerson({ agentId, toolName }: Task, by: string | undefined, reason: string | undefined): Resolution {
  const message = `Tool '${toolName}' was refused${by === undefined ? '' : ` by ${by}`}${reason === undefined ? '.' : `: ${reason}`}`;
  return ending('denied', new ForbiddenError(message, { code: 'approval_denied', agentId, toolName }), by);
}

/** How a status answer ends an approval, if it does. */
export function resolutionOfStatus(task: Task, status: DecisionStatus | undefined): Resolution | undefined {
  if (status?.decisionId !== task.decisionId) return unbelievable(task, 'it is for another decision');
  switch (status.state) {
    case 'pending':
    case 'approved':
      return undefined;
    case 'denied':
      return deniedByPerson(task, status.by, status.reason);
    case 'expired':
      return timedOut(task, 'nobody decided in time');
    default:
      return unbelievable(task, status.reason);
  }
}

/** After it was reported approved, any other end is reported, and changes nothing: the first answer stands. */
export function reportChangeOfMind({ agentId, toolName, decisionId }: Task, { state }: DecisionStatus): void {
  if (state === 'approved' || state === 'pending') return;
  const message = `An approval was reported ${state} after it had been reported approved; the first answer stands.`;
  publishDiagnostic({ kind: 'security', code: 'status_changed_after_final', message, agentId, toolName, decisionId });
}

/** It was approved, but may not run any more. */
export function deniedAtRun(task: Task, code: string, why: string, decision?: Decision): Resolution {
  const { agentId, toolName } = task;
  return ending(
    'denied',
    new ForbiddenError(`Tool '${toolName}' was approved but did not run: ${why}${begunBefore(task)}`, {
      code,
      agentId,
      toolName,
      decision,
    }),
  );
}

/** Nobody decided in time. */
export function timedOut(task: Task, why: string): Resolution {
  const { taskId, decisionId, toolName } = task;
  return ending(
    'timeout',
    new ApprovalTimeoutError(taskId, decisionId, `The approval of tool '${toolName}' ended: ${why}.${begunBefore(task)}`),
  );
}

/** The caller no longer wants it. */
export function cancelled(task: Task, why: string): Resolution {
  const { taskId, toolName } = task;
  return ending(
    'cancelled',
    new ApprovalCancelledError(taskId, `The approval of tool '${toolName}' was cancelled: ${why}.${begunBefore(task)}`),
  );
}

/** Cancelled with an error of its own, such as a ShutdownError or the caller's abort. */
export function cancelledWith(error: Error): Resolution {
  return ending('cancelled', error);
}

/** The service answered something that cannot be believed. */
function unbelievable({ toolName }: Task, reason: string | undefined): Resolution {
  const why = reason ?? 'the answer is none of those an approval can have';
  return ending(
    'failed',
    new DecisionUnavailableError('malformed', `The status of the approval for tool '${toolName}' cannot be believed: ${why}.`),
  );
}

/** The error of a task that ended through somebody else's change, from what the task recorded. */
export function errorOfTask(task: Task): Error {
  const { taskId, decisionId, agentId, toolName } = task;
  const message = 'error' in task ? task.error.message : `The task is ${task.status}.`;
  switch (task.status) {
    case 'denied':
      return new ForbiddenError(message, { code: task.error.code, agentId, toolName });
    case 'timeout':
      return new ApprovalTimeoutError(taskId, decisionId, message);
    case 'cancelled':
      return new ApprovalCancelledError(taskId, message);
    case 'unknown':
      return new OutcomeUnknownError(taskId, message);
    default:
      return new Error(message);
  }
}
