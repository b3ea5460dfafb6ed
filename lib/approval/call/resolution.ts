import { ApprovalCancelledError, ApprovalTimeoutError, ForbiddenError, OutcomeUnknownError } from '../../model/errors/RefusalErrors.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import { summarizeError } from '../../model/AegisError.js';
import type { Decision, DecisionStatus } from '../../model/Decision.js';
import type { Task } from '../../model/Task.js';
import type { TaskChange } from '../../store/TaskStore.js';

/** How an approval ends without running: what its task records, and what its caller gets. */
export interface Resolution {
  readonly change: TaskChange;
  readonly error: Error;
}

/** An idempotent task whose process died has begun, perhaps more than once, before it ends without running again. */
function begunBefore({ runs }: Task): string {
  return runs === 0
    ? ''
    : ` (It had begun before, ${runs === 1 ? 'once' : `${runs} times`}, in a process that died; what that did is unknown.)`;
}

function resolution(to: 'denied' | 'timeout' | 'cancelled' | 'failed', error: Error, deniedBy?: string): Resolution {
  const summary = summarizeError(error);
  return { error, change: to === 'denied' ? { to, error: summary, deniedBy } : { to, error: summary } };
}

/**
 * How a status answer ends an approval.
 *
 * @param status `undefined` for an answer that is not a status
 * @returns `undefined` where the approval is pending or approved, which ends nothing
 */
export function resolutionOfStatus(task: Task, status: DecisionStatus | undefined): Resolution | undefined {
  if (status?.decisionId !== task.decisionId) return malformed(task, 'it is for another decision');
  switch (status.state) {
    case 'pending':
    case 'approved':
      return undefined;
    case 'denied':
      return status.code === undefined ? deniedByPerson(task, status.by, status.reason) : halted(task, status.reason);
    case 'expired':
      return timedOut(task, 'it was not decided in time');
    default:
      return malformed(task, status.reason);
  }
}

function deniedByPerson({ agentId, toolName }: Task, by: string | undefined, reason: string | undefined): Resolution {
  const message = `Tool '${toolName}' was refused${by === undefined ? '' : ' by a person'}${reason === undefined ? '.' : `: ${reason}`}`;
  return resolution('denied', new ForbiddenError(message, { code: 'approval_denied', agentId, toolName }), by);
}

/** A halt has ended it at the service: it ends as one that a halt ends in this process. */
function halted({ agentId, toolName }: Task, reason = 'it is halted.'): Resolution {
  return cancelledWith(new ForbiddenError(`Tool '${toolName}' is not allowed: ${reason}`, { code: 'halted', agentId, toolName }));
}

/** It was approved, but must not run. */
export function deniedAtRun(task: Task, code: string, why: string, decision?: Decision): Resolution {
  const { agentId, toolName } = task;
  const message = `Tool '${toolName}' was approved but did not run: ${why}${begunBefore(task)}`;
  return resolution('denied', new ForbiddenError(message, { code, agentId, toolName, decision }));
}

/** What is stored of it is not what was approved. */
export function otherCall(task: Task): Resolution {
  return deniedAtRun(task, 'approved_params_changed', 'the stored call is not the one that was approved.');
}

/** Its time is over. */
export function timedOut(task: Task, why: string): Resolution {
  const { taskId, decisionId, toolName } = task;
  const message = `The approval of tool '${toolName}' ended: ${why}.${begunBefore(task)}`;
  return resolution('timeout', new ApprovalTimeoutError(taskId, decisionId, message));
}

/** Its caller does not want it now. */
export function cancelled(task: Task, why: string): Resolution {
  const { taskId, toolName } = task;
  const message = `The approval of tool '${toolName}' was cancelled: ${why}.${begunBefore(task)}`;
  return resolution('cancelled', new ApprovalCancelledError(taskId, message));
}

/** Cancelled with an error of its own, such as a ShutdownError or the abort of its caller. */
export function cancelledWith(error: Error): Resolution {
  return resolution('cancelled', error);
}

function malformed({ toolName }: Task, reason: string | undefined): Resolution {
  const why = reason ?? 'an approval cannot have this status';
  return resolution(
    'failed',
    new DecisionUnavailableError(
      'malformed',
      `The status of the approval for tool '${toolName}' is not valid, so the call did not run: ${why}.`,
    ),
  );
}

/** The error of a task that ended through another party's change, made from what the task recorded. */
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
