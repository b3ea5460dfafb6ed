import type { ErrorSummary } from './AegisError.js';
import type { Params, Session } from './Params.js';

/** How the caller waits for a person: `defer` returns a handle, `wait` resolves when it has run, `throw` raises ApprovalPendingError. */
export type ApprovalMode = 'defer' | 'wait' | 'throw';

/** What another process needs to take a task over. Only tasks of a durable store have it. */
export interface TaskOrigin {
  /** The store handle that made it: its process sees to it as long as that lives. */
  readonly ownerId: string;
  /** Whether another process may run it. If not, it ends with its home. */
  readonly resumable: boolean;
  /** The params as called, before any sanitize: what a fresh decision is made on. */
  readonly originalParams: Params;
  /** The class of the object it was called on; '' for a plain function. An instance of another class never takes its place by itself. */
  readonly target: string;
  /** How many arguments the caller gave. */
  readonly argumentCount: number;
  /** SHA-256 of the guard's parameter names: a guard that has others now never runs it. */
  readonly signature: string;
  /** Whether the method may run again after a crash. */
  readonly idempotent: boolean;
}

/** A person's word on a task whose outcome was unknown. */
export interface TaskResolution {
  readonly how: 'done' | 'retry' | 'abandon';
  readonly by: string;
  readonly reason?: string | undefined;
  readonly atMs: number;
}

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
  /** Executions begun so far: the fence of the one that is under way. */
  readonly runs: number;
  /** Grows by one with every change. */
  readonly version: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Earlier decisionIds, oldest first: the call was asked again. */
  readonly history: readonly string[];
  /** The task this one retries. */
  readonly retryOf: string | undefined;
  readonly origin: TaskOrigin | undefined;
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
  /** The store handle whose process executes it. */
  readonly executorId: string;
  /** Unless renewed by then, its process is taken for dead. Epoch milliseconds of the store's clock. */
  readonly leaseUntilMs: number;
  readonly startedAtMs: number;
}

/** It ran. */
export interface CompletedTask extends TaskFields {
  readonly status: 'completed';
  /** What it returned. In a durable store: a copy of its plain data, or what stands for it (see docs/durability.md). */
  readonly result: unknown;
  readonly resolution?: TaskResolution | undefined;
}

/** The method threw, or the approval could not be believed. */
export interface FailedTask extends TaskFields {
  readonly status: 'failed';
  readonly error: ErrorSummary;
  readonly resolution?: TaskResolution | undefined;
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
  /** The store handle that executed it, where one did. */
  readonly executorId?: string | undefined;
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
