import type { TaskStatus } from '../../model/Task.js';
import { isLegalEdge } from '../../model/Task.js';
import type { TaskChange } from '../../store/TaskStore.js';

/** What a task that is cancelled by the program says. */
export function manualCancellation(how: string): TaskChange {
  return { to: 'cancelled', error: { name: 'ApprovalCancelledError', code: 'approval_cancelled', message: `The task was ${how}.` } };
}

/** The change that `updateStatus` asks for, or `undefined` where no legal edge that is the program's to take leads there. */
export function manualChange(from: TaskStatus, to: TaskStatus, reason: string | undefined, result: unknown): TaskChange | undefined {
  if (!isLegalEdge(from, to)) return undefined;
  const message = reason ?? `The task was set to ${to} by the program.`;
  switch (to) {
    case 'denied':
      return { to, error: { name: 'ForbiddenError', code: 'forbidden', message } };
    case 'timeout':
      return { to, error: { name: 'ApprovalTimeoutError', code: 'approval_timeout', message } };
    case 'cancelled':
      return { to, error: { name: 'ApprovalCancelledError', code: 'approval_cancelled', message } };
    case 'failed':
      return { to, error: { name: 'Error', message } };
    case 'completed':
      return { to, result };
    default:
      // approved and executing come from a decision and a claim only; pending from a fresh decision
      return undefined;
  }
}
