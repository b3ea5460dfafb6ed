import type { ErrorSummary } from './errors/AegisError.js';
import type { Params, Session } from './Params.js';

/** How the caller waits for a person: `defer` returns a handle, `wait` resolves when it has run, `throw` raises ApprovalPendingError. */
export type ApprovalMode = 'defer' | 'wait' | 'throw';

/** What every task has, whatever its status. Times are epoch milliseconds. */
export interface TaskFields {
  readonly taskId: string;
  /** The approval at the decision service. It changes when the call is decided afresh and has to be asked again. */
  readonly decisionId: string;
  readonly agentId: string;
  readonly toolName: string;
  /** Names the guard that can run it. */
  readonly guardKey: string;
  /** The effective params: what approvers see and what runs. */
  readonly params: Params;
  /** SHA-256 of the effective params. */
  readonly digest: string;
  /** SHA-256 of the params as called, before any sanitize. */
  readonly originalDigest: string;
  readonly session: Session | null;
  readonly sessionDigest: string;
  /** Why a person has to decide. */
  readonly reason: string | undefined;
  /** `manual`: made by hand with createTask; it has no runner. */
  readonly mode: ApprovalMode | 'manual';
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** When the approval ends undecided. */
  readonly expiresAtMs: number;
  /** Status polls so far. */
  readonly attemptCount: number;
  /** Grows by one with every change. */
  readonly version: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Earlier decisionIds, oldest first: the call was asked again. */
  readonly history: readonly string[];
  /** The task this one retries. */
  readonly retryOf: string | undefined;
}

/** Nobody has decided yet. */
export interface PendingTask extends TaskFields {
  readonly status: 'pending';
}

/** A person said yes; it has not started. */
export interface ApprovedTask extends TaskFields {
  readonly status: 'approved';
  readonly approvedBy?: string | undefined;
}

/** Written before the method's body is entered. */
export interface ExecutingTask extends TaskFields {
  readonly status: 'executing';
  /** Unique to this one execution. */
  readonly claimToken: string;
  readonly startedAtMs: number;
}

/** It ran. */
export interface CompletedTask extends TaskFields {
  readonly status: 'completed';
  readonly result: unknown;
}

/** The method threw, or the approval could not be believed. */
export interface FailedTask extends TaskFields {
  readonly status: 'failed';
  readonly error: ErrorSummary;
}

/** Refused by a person or by a later decision; it never ran. */
export interface DeniedTask extends TaskFields {
  readonly status: 'denied';
  readonly error: ErrorSummary;
  readonly deniedBy?: string | undefined;
}

/** Nobody decided in time; it never ran. */
export interface TimeoutTask extends TaskFields {
  readonly status: 'timeout';
  readonly error: ErrorSummary;
}

/** Cancelled before it ran. */
export interface CancelledTask extends TaskFields {
  readonly status: 'cancelled';
  readonly error: ErrorSummary;
}

/** It was executing when its process ended: it may have run, wholly, partly or not at all. For a person to settle. */
export interface UnknownTask extends TaskFields {
  readonly status: 'unknown';
  readonly error: ErrorSummary;
}

/** One approval on the caller's side. */
export type Task =
  PendingTask | ApprovedTask | ExecutingTask | CompletedTask | FailedTask | DeniedTask | TimeoutTask | CancelledTask | UnknownTask;

export type TaskStatus = Task['status'];

/** All statuses, in the order a task can go through them. */
export const TASK_STATUSES: readonly TaskStatus[] = [
  'pending',
  'approved',
  'executing',
  'completed',
  'failed',
  'unknown',
  'denied',
  'timeout',
  'cancelled',
];

const EDGES: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  pending: ['approved', 'denied', 'timeout', 'cancelled', 'failed'],
  // to pending: decided afresh, and a person has to be asked again
  approved: ['executing', 'denied', 'timeout', 'cancelled', 'pending'],
  // to approved: only a guard that says `idempotent`, after a crash
  executing: ['completed', 'failed', 'unknown', 'approved'],
  // a late settle, or a person's word
  unknown: ['completed', 'failed'],
  completed: [],
  failed: [],
  denied: [],
  timeout: [],
  cancelled: [],
};

/** Whether a task may go from one status to another. */
export function isLegalEdge(from: TaskStatus, to: TaskStatus): boolean {
  return EDGES[from].includes(to);
}

/** Whether it is over. `unknown` is not: it is never evicted or cleared. */
export function isFinished(status: TaskStatus): boolean {
  return EDGES[status].length === 0;
}
