import type { ErrorSummary } from './AegisError.js';
import type { Capability } from './Capability.js';
import type { Params, Session } from './Params.js';

/** How a guarded call waits for a person: `defer` returns a handle, `wait` resolves when the method has run, `throw` raises ApprovalPendingError. */
export type ApprovalMode = 'defer' | 'wait' | 'throw';

/** What another process needs to take over a task. Only tasks of a durable store have it. */
export interface TaskOrigin {
  /** The store handle that created the task: its process handles the task as long as it lives. */
  readonly ownerId: string;
  /** Whether another process may run it. If not, it ends with its owner. */
  readonly resumable: boolean;
  /** The params as called, before any sanitize: a fresh decision is made on these. Empty once the task has finished. */
  readonly originalParams: Params;
  /** The class of the object it was called on; '' for a plain function. An instance of another class never replaces it automatically. */
  readonly target: string;
  /** The number of arguments that the caller passed. */
  readonly argumentCount: number;
  /** SHA-256 of the guard's parameter names: a guard with other names never runs it. */
  readonly signature: string;
  /** Whether the method may run again after a crash. */
  readonly idempotent: boolean;
}

/** A person's resolution of a task whose outcome was unknown. */
export interface TaskResolution {
  /** `done`: it ran. `retry`: run it again as a new task. `abandon`: give it up. */
  readonly how: 'done' | 'retry' | 'abandon';
  /** The person who resolved it. */
  readonly by: string;
  /** Why, in the person's words. */
  readonly reason?: string | undefined;
  /** When, in epoch milliseconds. */
  readonly atMs: number;
}

/** The fields of every task. Times are epoch milliseconds. */
export interface TaskFields {
  /** Identifies the task. */
  readonly taskId: string;
  /** The approval at the decision service. It changes when a fresh decision demands a new approval. */
  readonly decisionId: string;
  /** The agent that called. */
  readonly agentId: string;
  /** The tool that was called. */
  readonly toolName: string;
  /** The key of the guard that can run it. */
  readonly guardKey: string;
  /** The effective params: what approvers see and what runs. Empty once the task has finished; the digests stay. */
  readonly params: Params;
  /** SHA-256 of the effective params. */
  readonly digest: string;
  /** SHA-256 of the params as called, before any sanitize. */
  readonly originalDigest: string;
  /** Host data about the caller; null if there is none. */
  readonly session: Session | null;
  /** SHA-256 of the session. */
  readonly sessionDigest: string;
  /** Why a person must decide. */
  readonly reason: string | undefined;
  /** `manual`: created with createTask; such a task has no method to run. */
  readonly mode: ApprovalMode | 'manual';
  /** When the task was created. */
  readonly createdAtMs: number;
  /** When the task last changed. */
  readonly updatedAtMs: number;
  /** When the approval expires if no one decides it. */
  readonly expiresAtMs: number;
  /** Status polls so far. */
  readonly attemptCount: number;
  /** Executions started so far. */
  readonly runs: number;
  /** Grows by one with every change. */
  readonly version: number;
  /** Data of the program about the task. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Earlier decisionIds, oldest first: each time a new approval was demanded. */
  readonly history: readonly string[];
  /** The task this one retries. */
  readonly retryOf: string | undefined;
  /** What another process needs to take over the task. */
  readonly origin: TaskOrigin | undefined;
  /** About how many bytes its data took when it was recorded. */
  readonly sizeBytes?: number | undefined;
  /** What the decision service said that it does for the approval: all that it has a method for, where this is absent. */
  readonly offers?: readonly Capability[] | undefined;
  /** JSON pointers of what a person edited in the params before the call was approved; absent where no one did. */
  readonly edited?: readonly string[] | undefined;
  /** What called, as a `traceparent` of W3C Trace Context, where a journal traces. */
  readonly traceparent?: string | undefined;
  /** Base64url of 16 random bytes: with it, audit logs commit to the values of this call, the same in every process. */
  readonly auditSalt?: string | undefined;
}

/** A task that no one has decided. */
export interface PendingTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'pending';
}

/** A task that was approved and has not started. */
export interface ApprovedTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'approved';
  /** Who approved it, if known. */
  readonly approvedBy?: string | undefined;
}

/** A task that is running; it is written before the method's body is entered. */
export interface ExecutingTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'executing';
  /** Unique to this execution. */
  readonly claimToken: string;
  /** The store handle whose process executes it. */
  readonly executorId: string;
  /** Its process is considered dead unless it renews the lease by then, in epoch milliseconds of the store's clock. */
  readonly leaseUntilMs: number;
  /** When the execution started. */
  readonly startedAtMs: number;
}

/** A task that ran. */
export interface CompletedTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'completed';
  /** The method's result. A durable store keeps a copy of its plain data, or a placeholder (see docs/durability.md). */
  readonly result: unknown;
  /** Set if a person resolved its unknown outcome. */
  readonly resolution?: TaskResolution | undefined;
}

/** A task whose method threw, or whose approval was not accepted. */
export interface FailedTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'failed';
  /** What went wrong. */
  readonly error: ErrorSummary;
  /** Set if a person resolved its unknown outcome. */
  readonly resolution?: TaskResolution | undefined;
}

/** A task that a person or a later decision refused; it never ran. */
export interface DeniedTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'denied';
  /** Why it was refused. */
  readonly error: ErrorSummary;
  /** Who refused it, if known. */
  readonly deniedBy?: string | undefined;
}

/** A task that no one decided in time; it never ran. */
export interface TimeoutTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'timeout';
  /** Why it ended. */
  readonly error: ErrorSummary;
}

/** A task that was cancelled before it ran. */
export interface CancelledTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'cancelled';
  /** Why it ended. */
  readonly error: ErrorSummary;
}

/** A task that was executing when its process ended: it may have run completely, partly or not at all. A person must resolve it. */
export interface UnknownTask extends TaskFields {
  /** Where it stands. */
  readonly status: 'unknown';
  /** Why the outcome is unknown. */
  readonly error: ErrorSummary;
  /** The store handle that executed it, if any. */
  readonly executorId?: string | undefined;
}

/** A guarded call that needs or needed an approval. */
export type Task =
  PendingTask | ApprovedTask | ExecutingTask | CompletedTask | FailedTask | DeniedTask | TimeoutTask | CancelledTask | UnknownTask;

/** The status of a task. */
export type TaskStatus = Task['status'];

/** All statuses, in the order in which a task can pass through them. */
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
  // to pending: a fresh decision demands a new approval
  approved: ['executing', 'denied', 'timeout', 'cancelled', 'pending'],
  // to approved: only a guard that says `idempotent`, after a crash
  executing: ['completed', 'failed', 'unknown', 'approved'],
  // a late result, or a person's resolution
  unknown: ['completed', 'failed'],
  completed: [],
  failed: [],
  denied: [],
  timeout: [],
  cancelled: [],
};

/** Whether a task may change from one status to another. */
export function isLegalEdge(from: TaskStatus, to: TaskStatus): boolean {
  return EDGES[from].includes(to);
}

/** Whether a task may change to a status. A manual task has no method to run, so the program may complete it while it is pending. */
export function mayBecome({ status, mode }: Pick<TaskFields, 'mode'> & { readonly status: TaskStatus }, to: TaskStatus): boolean {
  return isLegalEdge(status, to) || (mode === 'manual' && status === 'pending' && to === 'completed');
}

/** Whether a status is final. `unknown` is not: such a task is never evicted or cleared. */
export function isFinished(status: TaskStatus): boolean {
  return EDGES[status].length === 0;
}
