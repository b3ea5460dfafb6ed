import { monotonicNow } from '../../common/time/SteadyClock.js';
import type { HaltableCall } from '../../model/halt/Halt.js';
import type { ApprovedTask, ExecutingTask } from '../../model/Task.js';
import type { PendingCall } from '../call/PendingCall.js';
import { StaleClaimError } from './ExecutionHost.js';
import type { ExecutionHost } from './ExecutionHost.js';

/** A claim that was asked for, or renewed, for a task as it was approved; when, on both clocks, in milliseconds. */
export interface Claim {
  readonly approved: ApprovedTask;
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function claimNow(approved: ApprovedTask): Claim {
  return { approved, monotonicMs: monotonicNow(), wallMs: Date.now() };
}

/** Why a claim must not be used now: a late one may be another process's by the time the method is entered. */
export function staleness(
  entry: PendingCall,
  executing: ExecutingTask,
  { monotonicMs, wallMs }: Claim,
  host: ExecutionHost,
): StaleClaimError | undefined {
  if (entry.phase === 'ended') return new StaleClaimError('The call ended before its method was entered.');
  if (host.signal.aborted) return new StaleClaimError('The module closed before the method was entered.');
  const halted = host.halts.gate?.stop(haltableCall(entry));
  if (halted !== undefined) return new StaleClaimError(halted.message);
  if (host.now() >= executing.expiresAtMs) return new StaleClaimError('The approval expired before the method was entered.');
  const elapsedMs = Math.max(monotonicNow() - monotonicMs, Date.now() - wallMs);
  if (elapsedMs > host.leaseMs / 2) return new StaleClaimError('The claim took more than half its lease.');
  return undefined;
}

/** The token of a claim that has begun, and has to be kept until its call has ended. */
export function tokenHeld(entry: PendingCall, { registry }: ExecutionHost): string | undefined {
  const { claimToken, begunToken, task } = entry;
  const held = claimToken !== undefined && claimToken === begunToken && registry.durable && task.origin?.idempotent !== true;
  return held ? claimToken : undefined;
}

/** What halts see of a call: its guard knows the groups of its tool. */
export function haltableCall({ task: { agentId, toolName }, call }: PendingCall): HaltableCall {
  return { agentId, toolName, groups: call.request.groups };
}
