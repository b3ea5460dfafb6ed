import type { Awaitable } from '../../common/awaitable.js';
import type { HaltSwitch } from '../../decision/halt/HaltGate.js';
import type { Journal } from '../../model/Journal.js';
import type { Task } from '../../model/Task.js';
import type { PendingCall } from '../call/PendingCall.js';
import type { CallHost } from '../call/settleCall.js';

/** What the sequence from approved to run needs of the driver. */
export interface ExecutionHost extends CallHost {
  readonly signal: AbortSignal;
  /** How long a claim holds unless it is renewed, in milliseconds. */
  readonly leaseMs: number;
  readonly journal: Journal | undefined;
  readonly halts: HaltSwitch;
  /** The calls that are on their way to run, or run. */
  readonly executing: Set<PendingCall>;
  /** What deadlines are on, in epoch milliseconds. */
  now(): number;
  /** Stops asking about a call; its deadline holds. */
  pause(entry: PendingCall): void;
  retryLater(entry: PendingCall, error: unknown): Awaitable<void>;
  /** Leaves a call to the process that was first. */
  leave(entry: PendingCall, task: Task): void;
  /** Follows the new approval of a call that was asked for again. */
  followAgain(entry: PendingCall): void;
}

/** A claim that must not be used: the method was not entered, and the claim is released. */
export class StaleClaimError extends Error {
  override readonly name = 'StaleClaimError';
}

/** What `run` throws where the entry gate stopped the call, and the method was not entered. */
export class NotEnteredError extends Error {
  override readonly name = 'NotEnteredError';
  /** Why, as the caller gets it. */
  readonly reason: Error;

  constructor(reason: Error) {
    super(reason.message);
    this.reason = reason;
  }
}
