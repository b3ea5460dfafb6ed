import type { Awaitable } from '../../common/awaitable.js';
import type { Due } from '../../common/time/DueQueue.js';
import { callSafely } from '../../common/callSafely.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { DecisionRequest } from '../../model/Decision.js';
import type { Params } from '../../model/Params.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { ErrorSummary } from '../../model/AegisError.js';
import type { PendingTask, Task, TaskStatus } from '../../model/Task.js';
import { approvalHandle } from './approvalHandle.js';
import type { HandleOutcome, HandleOwner } from './approvalHandle.js';

/** A call that waits for a person, as it is handed to the scheduler. */
export interface ApprovalCall<T = unknown> extends HeldApproval<T> {
  readonly task: PendingTask;
}

/** What the scheduler keeps of a call beside its task. */
export interface HeldApproval<T = unknown> {
  /** The call as it was decided on, before any sanitize: what a fresh decision is made on. */
  readonly request: DecisionRequest;
  /** Enters the method. Gets its own copy of the approved params, and the task as it is now. */
  run(params: Params, task: Task): Awaitable<T>;
  /** Checks params that a later decision would run with, as the guard checked the first ones. @throws SanitizeError */
  admit(params: Params): Awaitable<Params>;
  /** What an equal call must share to join this one: the guard, and the object it runs on. */
  readonly guard?: object | undefined;
  readonly target?: unknown;
  /** Prototypes of arguments that are instances, by name. */
  readonly prototypes?: ReadonlyMap<string, object> | undefined;
  /** Says, just before it runs, why it may not any more: the session or agent it runs for is another. */
  readonly recheck?: (() => string | undefined) | undefined;
  /** Called once, at every end: with the result, or with what went wrong. */
  readonly onSettled?: ((result: T | undefined, error: unknown) => unknown) | undefined;
}

/** The scheduler's entry for one call. It lives from `hold` until the call ended. */
export class PendingCall<T = unknown> implements Due, HandleOwner<T> {
  dueMs = 0;
  heapIndex = -1;
  readonly call: HeldApproval<T>;
  readonly handle: PendingApproval<T>;
  /** As last seen. */
  task: Task;
  /** Whether the scheduler runs it on its own once approved; a held one waits for its caller to redeem it. */
  background = false;
  /** `busy`: its execution is under way, from the fresh decision on. */
  phase: 'waiting' | 'busy' | 'ended' = 'waiting';
  /** Set from its claim on. */
  claimToken: string | undefined;
  /** What its method returned here: a store may keep a copy of plain data only. */
  result: { readonly value: T } | undefined;
  /** The way from approved to run, while it is under way: it may lead back to waiting. */
  execution: PromiseLike<void> | undefined;
  polls = 0;
  /** Callers that wait for it in mode `wait`. */
  waiters = 0;
  /** Errors it may end with, richer than the summaries that the task keeps. */
  #errors: { readonly to: TaskStatus; readonly summary: ErrorSummary; readonly error: unknown }[] | undefined;
  readonly #cancel: (entry: PendingCall) => Promise<boolean>;
  #outcome: HandleOutcome<T> | undefined;
  #listeners: ((outcome: HandleOutcome<T>) => void)[] | undefined;

  /** @param cancel one function for all entries: a closure each would cost more than the entry */
  constructor(task: Task, call: HeldApproval<T>, cancel: (entry: PendingCall) => Promise<boolean>) {
    this.call = call;
    this.task = task;
    this.#cancel = cancel;
    this.handle = approvalHandle<T>(this);
  }

  /** How it ended; `undefined` while it has not. */
  get outcome(): HandleOutcome<T> | undefined {
    return this.#outcome;
  }

  whenEnded(listener: (outcome: HandleOutcome<T>) => void): void {
    (this.#listeners ??= []).push(listener);
  }

  /** Cancels it on behalf of its caller. */
  cancel(): Promise<boolean> {
    // the scheduler handles calls of every result type; it never looks into a result
    return this.#cancel(this as unknown as PendingCall);
  }

  /** Remembers the error behind a summary that its task is about to record. */
  noteError(to: TaskStatus, summary: ErrorSummary, error: unknown): void {
    (this.#errors ??= []).push({ to, summary, error });
  }

  /** The error behind what its task recorded, which may be anything; `undefined` where somebody else recorded it. */
  errorNoted(task: Task): { readonly error: unknown } | undefined {
    if (!('error' in task)) return undefined;
    const { name, message, code } = task.error;
    return this.#errors?.find(
      ({ to, summary }) => to === task.status && summary.name === name && summary.message === message && summary.code === code,
    );
  }

  /** Ends it for everybody who waits. Later ends are ignored. */
  end(outcome: HandleOutcome<T>): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.phase = 'ended';
    for (const listener of this.#listeners ?? []) listener(outcome);
    this.#listeners = undefined;
    const { onSettled } = this.call;
    if (onSettled === undefined) return;
    callSafely(onSettled, outcome.ok ? [outcome.value, undefined] : [undefined, outcome.error], (error) =>
      publishCallbackError('onSettled', error),
    );
  }
}
