import type { Awaitable } from '../common/awaitable.js';
import type { ErrorSummary } from '../model/AegisError.js';
import type { Params } from '../model/Params.js';
import type { ExecutingTask, PendingTask, Task, TaskResolution, TaskStatus } from '../model/Task.js';

/** Which tasks to list; all that is given must hold. */
export interface TaskQuery {
  /** Only in this status, or one of these. */
  readonly status?: TaskStatus | readonly TaskStatus[] | undefined;
  /** Only of this agent. */
  readonly agentId?: string | undefined;
  /** Only of this tool. */
  readonly toolName?: string | undefined;
  /** At most this many, oldest first. Default 1,000. */
  readonly limit?: number | undefined;
}

/** A change of status, with what comes with it. Claiming and settling are apart. */
export type TaskChange =
  | { readonly to: 'approved'; readonly approvedBy?: string | undefined }
  | { readonly to: 'denied'; readonly error: ErrorSummary; readonly deniedBy?: string | undefined }
  | { readonly to: 'timeout' | 'cancelled'; readonly error: ErrorSummary }
  | { readonly to: 'failed'; readonly error: ErrorSummary; readonly resolution?: TaskResolution | undefined }
  | {
      /** A person's word on an `unknown` task. */
      readonly to: 'completed';
      readonly result: unknown;
      readonly resolution?: TaskResolution | undefined;
    }
  | {
      /** Asked again: a new approval, for the params a fresh decision would run with. */
      readonly to: 'pending';
      readonly decisionId: string;
      readonly params: Params;
      readonly digest: string;
      readonly reason: string | undefined;
      readonly expiresAtMs: number;
    };

/** How an execution ended. `unknown`: it is still running, or nobody can tell. */
export type TaskOutcome =
  | { readonly to: 'completed'; readonly result: unknown }
  | { readonly to: 'failed'; readonly error: ErrorSummary }
  | { readonly to: 'unknown'; readonly error: ErrorSummary };

/** What inserting a task found. */
export interface TaskInsertion {
  /** `exists`: the same task was there already. `conflict`: its id or decisionId is taken by a task bound to something else. */
  readonly outcome: 'created' | 'exists' | 'conflict';
  /** The task that is in the store now. */
  readonly task: Task;
}

/** The condition and mark of one execution. */
export interface TaskClaim {
  /** The task to claim. */
  readonly taskId: string;
  /** Unique to this one execution. */
  readonly token: string;
  /** The digest of the params that would run. */
  readonly digest: string;
  /** Now, in epoch milliseconds: an approval that has ended by then, by the store's clock or this one, cannot be claimed. */
  readonly nowMs: number;
  /** How long the claim holds unless {@link TaskStore.heartbeat} renews it, in milliseconds. */
  readonly leaseMs: number;
}

/** What makes two calls one: equal in all of these. */
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

/** Executions whose process was taken for dead, as they are now. */
export interface SweptTasks {
  /** At most once: nobody can tell whether they ran. */
  readonly unknown: readonly Task[];
  /** Idempotent ones, approved again. */
  readonly reclaimed: readonly Task[];
}

/** Which open tasks nobody sees to. */
export interface DueQuery {
  /** Now, in epoch milliseconds. */
  readonly nowMs: number;
  /** An approved task whose home lives is due when nothing has happened to it for so long, in milliseconds. */
  readonly idleMs: number;
  /** How long until a task that was given is due again, in milliseconds. */
  readonly againMs: number;
  /** Keys of the guards that the asker can run: approved tasks of others are left to those who can. */
  readonly keys: readonly string[];
  /** Whether undecided tasks of dead homes are due too: somebody has to ask the service about them. */
  readonly poll: boolean;
  /** How many at most. */
  readonly limit: number;
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
  | { readonly kind: 'approval'; readonly decisionId: string; readonly version: number };

/**
 * Keeps the caller's side of approvals. Every write is one atomic statement conditioned on the status it starts from (compare-and-set), and
 * resolves to `undefined` or false where another write was first. What is resolved is committed.
 */
export interface TaskStore {
  /** Whether tasks outlive the process. */
  readonly durable: boolean;
  /** Names this handle among all that were ever opened on the same tasks. */
  readonly ownerId: string;
  /** Makes the store ready. Called before anything else, perhaps more than once. */
  open?(): Awaitable<void>;
  /** Frees what the store holds. */
  close?(): Awaitable<void>;
  /** Idempotent on taskId and on decisionId; an existing task is compared in every bound field. */
  insert(task: PendingTask): Awaitable<TaskInsertion>;
  /** One task, or `undefined`. */
  get(taskId: string): Awaitable<Task | undefined>;
  /** The task that waits, or waited last, for that approval. */
  ofDecision(decisionId: string): Awaitable<Task | undefined>;
  /** The open task of an equal call, made by any handle: an approved one before one that a person has decided on, and that before others; the oldest of them. */
  findOpen(query: DuplicateCallQuery): Awaitable<Task | undefined>;
  /** Oldest first. */
  list(query: TaskQuery): Awaitable<readonly Task[]>;
  /** Changes the status if it is one of `from`. The edge must be legal; asking again needs a decisionId that no task has or had. */
  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Awaitable<Task | undefined>;
  /** approved → executing, if the digest is the task's, its approval has not ended, and nobody has claimed it. One run more. */
  claim(claim: TaskClaim): Awaitable<ExecutingTask | undefined>;
  /** executing → approved, by the token of an execution that has not begun and will not. */
  release(taskId: string, token: string, nowMs: number): Awaitable<Task | undefined>;
  /** Ends the execution of that token. A late one is accepted on `unknown`, but never over a person's word. */
  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Awaitable<Task | undefined>;
  /** Counts a status poll; resolves to the task, whose version stays. */
  countAttempt(taskId: string): Awaitable<Task | undefined>;
  /** Deletes it if its status is one of `from`. */
  delete(taskId: string, from: readonly TaskStatus[]): Awaitable<boolean>;
  /** Deletes finished tasks: all that finished before `finishedBeforeMs`, and the oldest beyond `keep`. Resolves to how many. */
  prune(limits: { readonly keep: number; readonly finishedBeforeMs: number }): Awaitable<number>;
  /** How many tasks there are in each status. */
  counts(): Awaitable<Readonly<Record<TaskStatus, number>>>;
  /**
   * Says that this handle lives for another `leaseMs` milliseconds, and renews all its claims. Resolves to the latest time, in epoch milliseconds,
   * that any handle ever gave or the store's own clock had: time never goes back behind it.
   */
  heartbeat(leaseMs: number, nowMs: number): Awaitable<number>;
  /** Whether a handle's last {@link heartbeat} still holds. */
  isLive(owner: string, nowMs: number): Awaitable<boolean>;
  /** Ends executions whose lease has lapsed: `unknown`, or approved again where the task is idempotent and has begun fewer than `maxRuns` times. */
  sweep(options: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number }): Awaitable<SweptTasks>;
  /**
   * Open tasks that nobody sees to, longest due first: approved ones of `keys` that are idle or whose home is dead (but not those of mode `throw`, which
   * their callers redeem); those whose approval was decided here while their home is dead or idle; those whose time is over; those that cannot be
   * resumed and whose home is dead. Manual ones are only due when their time is over.
   */
  due(query: DueQuery): Awaitable<readonly Task[]>;
  /** Makes due again at once, for whoever asks next, what {@link due} gave and the asker cannot see to. */
  makeDue(taskIds: readonly string[]): Awaitable<void>;
  /** Tells of changes by other handles, each at least once, until the returned function is called. */
  watch(listener: (change: StoreChange) => void): Awaitable<() => Awaitable<void>>;
  /**
   * Hands this process the ids of approved tasks of a guard, where the store has a queue of its own: each to one process, at least once or not at
   * all. Only hints: {@link due} finds what got lost.
   */
  serve?(guardKey: string, run: (taskId: string) => Awaitable<void>): Awaitable<() => Awaitable<void>>;
}

/** What a decisionId stands for: two tasks that differ in any of these are not one. */
export const BOUND_FIELDS: readonly (keyof PendingTask)[] = [
  'decisionId',
  'agentId',
  'toolName',
  'guardKey',
  'digest',
  'originalDigest',
  'sessionDigest',
];
