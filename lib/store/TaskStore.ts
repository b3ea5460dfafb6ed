import type { Awaitable } from '../common/awaitable.js';
import type { ErrorSummary } from '../model/errors/AegisError.js';
import type { Params } from '../model/Params.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../model/Task.js';

/** Which tasks to list; all that is given must hold. */
export interface TaskQuery {
  readonly status?: TaskStatus | readonly TaskStatus[] | undefined;
  readonly agentId?: string | undefined;
  readonly toolName?: string | undefined;
  /** At most this many, oldest first. Default 1,000. */
  readonly limit?: number | undefined;
}

/** A change of status, with what comes with it. Claiming and settling are apart. */
export type TaskChange =
  | { readonly to: 'approved'; readonly approvedBy?: string | undefined }
  | { readonly to: 'denied'; readonly error: ErrorSummary; readonly deniedBy?: string | undefined }
  | { readonly to: 'timeout' | 'cancelled' | 'failed'; readonly error: ErrorSummary }
  | {
      /** A person's word on an `unknown` task. */
      readonly to: 'completed';
      readonly result: unknown;
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
  readonly taskId: string;
  /** Unique to this one execution. */
  readonly token: string;
  /** The digest of the params that would run. */
  readonly digest: string;
  /** Now, in epoch milliseconds: an approval that has ended by then cannot be claimed. */
  readonly nowMs: number;
}

/**
 * Keeps the caller's side of approvals. Every write is one atomic statement conditioned on the status it starts from (compare-and-set), and
 * resolves to `undefined` or false where another write was first.
 */
export interface TaskStore {
  /** Whether tasks outlive the process. */
  readonly durable: boolean;
  open?(): Awaitable<void>;
  close?(): Awaitable<void>;
  /** Idempotent on taskId and on decisionId; an existing task is compared in every bound field. */
  insert(task: PendingTask): Awaitable<TaskInsertion>;
  get(taskId: string): Awaitable<Task | undefined>;
  /** Oldest first. */
  list(query: TaskQuery): Awaitable<readonly Task[]>;
  /** Changes the status if it is one of `from`. The edge must be legal; asking again needs a decisionId that no task has or had. */
  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Awaitable<Task | undefined>;
  /** approved → executing, if the digest is the task's, its approval has not ended, and nobody has claimed it. */
  claim(claim: TaskClaim): Awaitable<ExecutingTask | undefined>;
  /** Ends the execution of that token. A late one is accepted on `unknown`, but never over a person's word. */
  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Awaitable<Task | undefined>;
  /** Counts a status poll; resolves to the task, whose version stays. */
  countAttempt(taskId: string): Awaitable<Task | undefined>;
  /** Deletes it if its status is one of `from`. */
  delete(taskId: string, from: readonly TaskStatus[]): Awaitable<boolean>;
  /** Deletes finished tasks: all that finished before `finishedBeforeMs`, and the oldest beyond `keep`. Resolves to how many. */
  prune(limits: { readonly keep: number; readonly finishedBeforeMs: number }): Awaitable<number>;
  counts(): Awaitable<Readonly<Record<TaskStatus, number>>>;
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
