import type { Awaitable } from '../../common/awaitable.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import type { ApprovalNeededDecision } from '../../model/Decision.js';
import type { Params } from '../../model/Params.js';
import type { Task } from '../../model/Task.js';
import type { HandleOutcome } from '../call/approvalHandle.js';
import type { Resolution } from '../call/endings.js';
import type { PendingCall } from '../call/PendingCall.js';
import type { TaskRegistry } from '../task/TaskRegistry.js';

/** What the sequence needs of the scheduler. */
export interface ExecutionHost {
  readonly decisions: DecisionService;
  readonly registry: TaskRegistry;
  readonly signal: AbortSignal;
  /** How long a claim holds unless it is renewed, in milliseconds. */
  readonly leaseMs: number;
  now(): number;
  end(entry: PendingCall, ending: Resolution): Awaitable<void>;
  askAgain(entry: PendingCall, decision: ApprovalNeededDecision): Awaitable<void>;
  retryLater(entry: PendingCall, error: unknown): Awaitable<void>;
  /** Leaves it to the process that executes it. */
  leave(entry: PendingCall, task: Task): void;
  /** Ends it for its waiters after it ran, even where that could not be recorded. */
  finish(entry: PendingCall, outcome: HandleOutcome<unknown>): void;
}

/** Enters a method with the params that were approved, for a task that is executing. */
export type RunApproved = (params: Params, task: Task) => Awaitable<unknown>;
