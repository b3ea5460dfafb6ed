import type { ApprovalSchedulerOptions } from './ApprovalSchedulerOptions.js';
import type { PendingCall } from './call/PendingCall.js';

/** Whether a process waits for a call that it follows. What is in a durable store need not, unless it would end with its process. */
export function keepsAlive({ task }: Pick<PendingCall, 'task'>, { keepAlive, registry }: ApprovalSchedulerOptions): boolean {
  return keepAlive ?? (!registry.durable || task.origin?.resumable === false);
}
