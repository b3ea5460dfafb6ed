import type { Awaitable } from '../common/awaitable.js';
import type { ErrorSummary } from '../model/AegisError.js';
import type { Capability } from '../model/Capability.js';
import type { Params } from '../model/Params.js';
import type { ExecutingTask, PendingTask, Task, TaskFields, TaskResolution, TaskStatus } from '../model/Task.js';

/** Selects the tasks to list. A task must match every field that is given. */
export interface TaskQuery {
  /** Only in this status, or one of these. */
  readonly status?: TaskStatus | readonly TaskStatus[] | undefined;
  /** Only of this agent. */
  readonly agentId?: string | undefined;
  /** Only of this tool. */
  readonly toolName?: string | undefined;
  /** Only tasks that were made after this one: the `cursor` of a {@link TaskSummary}. An unknown one is followed by nothing. */
  readonly after?: string | undefined;
  /**
   * At most this many, oldest first.
   *
   * @defaultValue 1000
   */
  readonly limit?: number | undefined;
}

/** A task as lists show it: without its params and its result, which can be large. */
export interface TaskSummary extends Omit<
  TaskFields,
  'params' | 'origin' | 'attemptCount' | 'sizeBytes' | 'offers' | 'auditSalt' | 'traceparent' | 'edited'
> {
  /** Where it stands. */
  readonly status: TaskStatus;
  /** What went wrong, or why it ended. */
  readonly error?: ErrorSummary | undefined;
  /** Who approved it, if known. */
  readonly approvedBy?: string | undefined;
  /** Who refused it, if known. */
  readonly deniedBy?: string | undefined;
  /** Its place in the list, for `after`. */
  readonly cursor: string;
}

/** Params that a person edited before the call was approved. */
export interface EditedParams {
  /** The complete params that were approved, and run instead of those that were asked about. */
  readonly params: Params;
  /** Their SHA-256. */
  readonly digest: string;
  /** JSON pointers of where they differ. */
  readonly edited: readonly string[];
}

/** A change of a task's status, and what comes with it. {@link TaskStore.claim} and {@link TaskStore.settle} change it too, but need a token. */
export type TaskChange =
  | ({ readonly to: 'approved'; readonly approvedBy?: string | undefined } & Partial<EditedParams>)
  | { readonly to: 'denied'; readonly error: ErrorSummary; readonly deniedBy?: string | undefined }
  | { readonly to: 'timeout' | 'cancelled'; readonly error: ErrorSummary }
  | { readonly to: 'failed'; readonly error: ErrorSummary; readonly resolution?: TaskResolution | undefined }
  | {
      /** A person resolved an `unknown` task, or the program completed a manual one. */
      readonly to: 'completed';
      readonly result: unknown;
      readonly resolution?: TaskResolution | undefined;
    }
  | {
      /** The call waits for a new approval, of the params that a fresh decision would run with. */
      readonly to: 'pending';
      readonly decisionId: string;
      readonly params: Params;
      readonly digest: string;
      readonly reason: string | undefined;
      readonly expiresAtMs: number;
      readonly offers?: readonly Capability[] | undefined;
      readonly auditSalt?: string | undefined;
    };

/** How an execution ended. `unknown`: it is still running, or its end cannot be established. */
export type TaskOutcome =
  | { readonly to: 'completed'; readonly result: unknown }
  | { readonly to: 'failed'; readonly error: ErrorSummary }
  | { readonly to: 'unknown'; readonly error: ErrorSummary };

/** The result of {@link TaskStore.insert}. */
export interface TaskInsertion {
  /** `exists`: the same task was there already. `conflict`: a task that differs in a bound field has its id or decisionId. */
  readonly outcome: 'created' | 'exists' | 'conflict';
  /** The task that is in the store now. */
  readonly task: Task;
}

/** Begins one execution of an approved task. */
export interface TaskClaim {
  /** The task to claim. */
  readonly taskId: string;
  /** Unique to this one execution. */
  readonly token: string;
  /** SHA-256 of the params that would run. */
  readonly digest: string;
  /** The caller's time, in epoch milliseconds. An approval that has ended by then, or by the store's own clock, cannot be claimed. */
  readonly nowMs: number;
  /** How long the claim holds unless {@link TaskStore.heartbeat} renews it, in milliseconds. */
  readonly leaseMs: number;
  /**
   * How often the halts of this store had been changed when the caller last read them. Where one was changed since, also by a transaction that commits
   * first, the task is not claimed.
   *
   * @defaultValue not compared
   */
  readonly haltChanges?: number | undefined;
}

/** Two calls are duplicates if they are equal in all of these fields. */
export interface DuplicateCallQuery {
  /** The guard's key. */
  readonly guardKey: string;
  /** The agent that calls. */
  readonly agentId: string;
  /** The digest of the params as called. */
  readonly originalDigest: string;
  /** The digest of the session. */
  readonly sessionDigest: string;
  /** The approval mode. */
  readonly mode: Task['mode'];
}

/** Executions whose lease had lapsed, as their tasks are now. */
export interface SweptTasks {
  /** Tasks that run at most once: it is not known whether they ran. */
  readonly unknown: readonly Task[];
  /** Idempotent tasks, approved again. */
  readonly reclaimed: readonly Task[];
}

/** Selects open tasks that no live process is handling. */
export interface DueQuery {
  /** The caller's time, in epoch milliseconds. */
  readonly nowMs: number;
  /** An approved task whose owner is alive is due once nothing has happened to it for this long, in milliseconds. */
  readonly idleMs: number;
  /** How long until a task that was returned is due again, in milliseconds. */
  readonly againMs: number;
  /** Keys of the guards that the caller can run. Approved tasks of other guards are left to processes that have them. */
  readonly keys: readonly string[];
  /** Whether undecided tasks of dead owners are due too, because the decision service has to be polled about them. */
  readonly poll: boolean;
  /** How many at most. */
  readonly limit: number;
}

/** Which finished tasks {@link TaskStore.prune} keeps. */
export interface PruneLimits {
  /** At most so many. */
  readonly keep: number;
  /**
   * At most about so many bytes.
   *
   * @defaultValue no limit
   */
  readonly keepBytes?: number | undefined;
  /** Only those that finished then or later, in epoch milliseconds. */
  readonly finishedBeforeMs: number;
}

/** A change that another handle on the same store made. */
export type StoreChange =
  | {
      readonly kind: 'task';
      readonly taskId: string;
      readonly version: number;
      readonly status: TaskStatus;
      readonly from: TaskStatus | undefined;
    }
  | { readonly kind: 'approval'; readonly decisionId: string; readonly version: number }
  /** A halt of this tenant was ordered or lifted. */
  | { readonly kind: 'halt'; readonly tenantId: string };

/**
 * Keeps the caller's side of approvals. Every write is atomic and conditioned on the status it starts from (compare-and-set): it resolves to `undefined`
 * or false where another write came first. A write that has resolved is committed.
 */
export interface TaskStore {
  /** Whether tasks outlive the process. */
  readonly durable: boolean;
  /** Identifies this handle among all that were ever opened on the same tasks. */
  readonly ownerId: string;
  /** Called before anything else, if the store has it. */
  open?(): Awaitable<void>;
  /** Called last, if the store has it. */
  close?(): Awaitable<void>;
  /**
   * Inserts a task, unless its taskId or decisionId is taken. Then the task that is there is compared in every field that binds it to its approval:
   * decisionId, agentId, toolName, guardKey, digest, originalDigest and sessionDigest.
   */
  insert(task: PendingTask): Awaitable<TaskInsertion>;
  /** Resolves to the task of that id. */
  get(taskId: string): Awaitable<Task | undefined>;
  /** Resolves to the task that waits, or has waited, for that approval. */
  ofDecision(decisionId: string): Awaitable<Task | undefined>;
  /**
   * Resolves to the open task of a duplicate call that any handle made. An approved task comes first, then one whose approval was decided, then the
   * others; among equals, the oldest.
   */
  findOpen(query: DuplicateCallQuery): Awaitable<Task | undefined>;
  /** Lists tasks, oldest first. */
  list(query: TaskQuery): Awaitable<readonly Task[]>;
  /** Lists tasks, oldest first, without reading their params and results. Of a session or metadata that is large, only short fields of its top level stay. */
  listSummaries(query: TaskQuery): Awaitable<readonly TaskSummary[]>;
  /**
   * Changes the status if it is one of `from` and the edge is legal. Asking again needs a decisionId that no task has or had.
   *
   * @param nowMs the caller's time, in epoch milliseconds
   */
  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Awaitable<Task | undefined>;
  /**
   * Changes `approved` to `executing` and counts one more run, if the digest is the task's and its approval has not ended. Exactly one of any number of
   * concurrent callers wins the claim.
   */
  claim(claim: TaskClaim): Awaitable<ExecutingTask | undefined>;
  /** Changes `executing` back to `approved`. Only the execution with that token may ask for it, and only if its method has not begun and never will. */
  release(taskId: string, token: string, nowMs: number): Awaitable<Task | undefined>;
  /** Ends the execution with that token. A late outcome is accepted on an `unknown` task, unless a person has resolved it. */
  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Awaitable<Task | undefined>;
  /** Counts one status poll. Resolves to the task, whose version stays. */
  countAttempt(taskId: string): Awaitable<Task | undefined>;
  /** Deletes the task if its status is one of `from`. */
  delete(taskId: string, from: readonly TaskStatus[]): Awaitable<boolean>;
  /**
   * Deletes the tasks that finished before `finishedBeforeMs` (epoch milliseconds), and the oldest finished ones beyond `keep`, or beyond about `keepBytes`
   * in all; the newest one always fits. Resolves to how many it deleted.
   */
  prune(limits: PruneLimits): Awaitable<number>;
  /** Counts the tasks of each status. */
  counts(): Awaitable<Readonly<Record<TaskStatus, number>>>;
  /**
   * Keeps this handle alive for another `leaseMs` milliseconds, and renews all its claims. Resolves to the latest time, in epoch milliseconds, that any
   * handle ever passed or the store's own clock had: time never goes back behind it.
   */
  heartbeat(leaseMs: number, nowMs: number): Awaitable<number>;
  /** Whether the last {@link heartbeat} of that handle still holds. */
  isLive(ownerId: string, nowMs: number): Awaitable<boolean>;
  /**
   * Ends executions whose lease has lapsed. Their tasks become `unknown`, or are approved again where they are idempotent and have begun fewer than
   * `maxRuns` times.
   */
  sweep(options: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number }): Awaitable<SweptTasks>;
  /**
   * Takes open tasks that no live process is handling, longest due first; each is due again after `againMs`. Due are approved tasks of `keys` that are idle
   * or whose owner is dead (but not those of mode `throw`, which their callers redeem), tasks whose approval was decided here while their owner is dead or
   * idle, tasks that have expired, and tasks that cannot be resumed and whose owner is dead. A manual task is due only once it has expired.
   */
  due(query: DueQuery): Awaitable<readonly Task[]>;
  /** Makes tasks due again at once that {@link due} returned and the caller cannot handle. */
  makeDue(taskIds: readonly string[]): Awaitable<void>;
  /** Reports every change that another handle makes, at least once, until the returned function is called. */
  watch(listener: (change: StoreChange) => void): Awaitable<() => Awaitable<void>>;
  /**
   * Hands this process the ids of a guard's approved tasks, if the store has a queue: each id to one process, and perhaps more than once or not at all.
   * They are only hints. Lost notifications are recovered by scanning the table every few seconds ({@link due}).
   */
  serve?(guardKey: string, run: (taskId: string) => Awaitable<void>): Awaitable<() => Awaitable<void>>;
}

/** The fields that bind a task to its approval: two tasks that differ in any of them are not the same. */
export const BOUND_FIELDS: readonly (keyof PendingTask)[] = [
  'decisionId',
  'agentId',
  'toolName',
  'guardKey',
  'digest',
  'originalDigest',
  'sessionDigest',
];
