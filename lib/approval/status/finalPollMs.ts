import type { PendingCall } from '../call/PendingCall.js';

/** The last status is read this long before an approval ends, in milliseconds. */
const BEFORE_END_MS = 1_000;

/** When to read its status for the last time. One that is short from the start is read in its middle. */
export function finalPollMs({ task, polls }: Pick<PendingCall, 'task' | 'polls'>, nowMs: number): number {
  const middleMs = polls < 2 ? (nowMs + task.expiresAtMs) / 2 : -Infinity;
  return Math.max(task.expiresAtMs - BEFORE_END_MS, middleMs);
}
