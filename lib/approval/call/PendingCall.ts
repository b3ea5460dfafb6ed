import { inspect } from 'node:util';
import type { Awaitable } from '../../common/awaitable.js';
import type { Due } from '../../common/time/DueLoop.js';
import { callSafely } from '../../common/awaitable.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { DecisionRequest } from '../../model/Decision.js';
import type { Params } from '../../model/Params.js';
import { PENDING_BRAND } from '../../model/PendingApproval.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { ErrorSummary } from '../../model/AegisError.js';
import type { ExecutingTask, Task, TaskStatus } from '../../model/Task.js';

/** Says, in the tick in which a method would be entered, why it must not be. */
export type LastLook = () => Error | undefined;

/** Enters a method with the params that were approved, for a task that is executing. */
export type RunApproved<T = unknown> = (params: Params, task: ExecutingTask, lastLook: LastLook) => Awaitable<T>;

/** What the scheduler keeps of a call beside its task. */
export interface HeldApproval<T = unknown> {
  /** The call as it was decided on, before any sanitize: what a fresh decision is made on. */
  readonly request: DecisionRequest;
  /**
   * Enters the method. Gets its own copy of the approved params, and the task as it is now. What `lastLook` returns, asked right before the method, is
   * thrown instead of entering it.
   */
  run(params: Params, task: ExecutingTask, lastLook: () => Error | undefined): Awaitable<T>;
  /** Checks params that a later decision would run with, as the guard checked the first ones. @throws SanitizeError */
  admit(params: Params): Awaitable<Params>;
  /** What a call must share to be a duplicate of this one: the guard, and the object it runs on. */
  readonly guard?: object | undefined;
  /** The instance that the method runs on; two calls on different instances are not duplicates. */
  readonly target?: unknown;
  /** Prototypes of arguments that are instances, by name. */
  readonly prototypes?: ReadonlyMap<string, object> | undefined;
  /** Says, just before it runs, why it must not: the session or agent it runs for has changed. */
  readonly recheck?: (() => string | undefined) | undefined;
  /** Called once, at every end: with the result, or with what went wrong. */
  readonly onSettled?: ((result: T | undefined, error: unknown) => unknown) | undefined;
}

/** How an approval ended for its callers. */
export type CallOutcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** What only some entries have, and all of them only late: made when the first of it is set, because 100,000 entries may wait at once. */
interface Progress<T> {
  tries: number;
  claimToken: string | undefined;
  begunToken: string | undefined;
  result: { readonly value: T } | undefined;
  execution: PromiseLike<void> | undefined;
  outcome: CallOutcome<T> | undefined;
  completed: Promise<T> | undefined;
  listeners: ((outcome: CallOutcome<T>) => void)[] | undefined;
  errors: { readonly to: TaskStatus; readonly summary: ErrorSummary; readonly error: unknown }[] | undefined;
}

/** The scheduler's entry for one call. It lives from `hold` until the call ended. */
export abstract class PendingCall<T = unknown> implements Due {
  heapIndex = -1;
  /** As last seen. */
  task: Task;
  /** Whether the scheduler runs it on its own once approved; a held one waits for its caller to redeem it. */
  background = false;
  /** `busy`: its execution is under way, from the fresh decision on. */
  phase: 'waiting' | 'busy' | 'ended' = 'waiting';
  /** Asked so far, answered or not: what the delay before the next poll grows with. */
  polls = 0;
  /** Polls so far that were answered as pending, while nothing was pushed. */
  undecided = 0;
  /** Callers that wait for it in mode `wait`. */
  waiters = 0;
  #handle: PendingApproval<T> | undefined;
  #progress: Progress<T> | undefined;

  constructor(task: Task) {
    this.task = task;
  }

  /** The entry itself, where its guard made it: one object for each of 100,000 calls that wait. */
  abstract get call(): HeldApproval<T>;

  /** Cancels it on behalf of its caller. */
  abstract cancel(): Promise<boolean>;

  /** A view of this entry, for its callers: made when first read, and the same for all of them. */
  get handle(): PendingApproval<T> {
    // the brand is on the prototype, where TypeScript does not see it
    this.#handle ??= new ApprovalHandle(this) as unknown as PendingApproval<T>;
    return this.#handle;
  }

  /** How often in a row it could not run although it was approved: what the delay before the next try grows with. */
  get tries(): number {
    return this.#progress?.tries ?? 0;
  }

  set tries(tries: number) {
    // what never ran keeps nothing about that
    if (tries > 0 || this.#progress !== undefined) PendingCall.#progressOf(this).tries = tries;
  }

  /** Set from its claim on. */
  get claimToken(): string | undefined {
    return this.#progress?.claimToken;
  }

  set claimToken(token: string | undefined) {
    PendingCall.#progressOf(this).claimToken = token;
  }

  /** The claim that has begun at the desk, also where it was given back because its method was not entered: only this one may begin again. */
  get begunToken(): string | undefined {
    return this.#progress?.begunToken;
  }

  set begunToken(token: string | undefined) {
    PendingCall.#progressOf(this).begunToken = token;
  }

  /** What its method returned here: a store may keep a copy of plain data only. */
  get result(): { readonly value: T } | undefined {
    return this.#progress?.result;
  }

  set result(result: { readonly value: T }) {
    PendingCall.#progressOf(this).result = result;
  }

  /** The way from approved to run, while it is under way: it may lead back to waiting. */
  get execution(): PromiseLike<void> | undefined {
    return this.#progress?.execution;
  }

  set execution(execution: PromiseLike<void> | undefined) {
    PendingCall.#progressOf(this).execution = execution;
  }

  /** How it ended; `undefined` while it has not. */
  get outcome(): CallOutcome<T> | undefined {
    return this.#progress?.outcome;
  }

  /** Settles at its end. */
  get completed(): Promise<T> {
    const progress = PendingCall.#progressOf(this);
    if (progress.completed === undefined) {
      progress.completed = new Promise<T>((resolve, reject) => {
        this.whenEnded((outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error as Error)));
      });
      // reading it without handling it must not end the process
      progress.completed.catch(() => {});
    }
    return progress.completed;
  }

  /** Calls a listener at its end, or at once where it has ended. */
  whenEnded(listener: (outcome: CallOutcome<T>) => void): void {
    const progress = PendingCall.#progressOf(this);
    if (progress.outcome !== undefined) listener(progress.outcome);
    else (progress.listeners ??= []).push(listener);
  }

  /** Remembers the error behind a summary that its task is about to record. */
  noteError(to: TaskStatus, summary: ErrorSummary, error: unknown): void {
    (PendingCall.#progressOf(this).errors ??= []).push({ to, summary, error });
  }

  /** The error behind what its task recorded, which may be anything; `undefined` where another process recorded it. */
  errorNoted(task: Task): { readonly error: unknown } | undefined {
    if (!('error' in task)) return undefined;
    const { name, message, code } = task.error;
    return this.#progress?.errors?.find(
      ({ to, summary }) => to === task.status && summary.name === name && summary.message === message && summary.code === code,
    );
  }

  /** Ends it for everyone who waits. Later ends are ignored. */
  end(outcome: CallOutcome<T>): void {
    const progress = PendingCall.#progressOf(this);
    if (progress.outcome !== undefined) return;
    progress.outcome = outcome;
    this.phase = 'ended';
    for (const listener of progress.listeners ?? []) listener(outcome);
    progress.listeners = undefined;
    const { onSettled } = this.call;
    if (onSettled === undefined) return;
    callSafely(onSettled, outcome.ok ? [outcome.value, undefined] : [undefined, outcome.error], (error) =>
      publishCallbackError('onSettled', error),
    );
  }

  /** Static: an object pays a field for private methods of its class. */
  static #progressOf<T>(entry: PendingCall<T>): Progress<T> {
    entry.#progress ??= {
      tries: 0,
      claimToken: undefined,
      begunToken: undefined,
      result: undefined,
      execution: undefined,
      outcome: undefined,
      completed: undefined,
      listeners: undefined,
      errors: undefined,
    };
    return entry.#progress;
  }
}

/** The entry of a call that is an object of its own. */
export class HeldCall<T = unknown> extends PendingCall<T> {
  readonly #call: HeldApproval<T>;
  readonly #cancel: (entry: PendingCall) => Promise<boolean>;

  /** @param cancel one function for all entries: a closure each would cost more than the entry */
  constructor(task: Task, call: HeldApproval<T>, cancel: (entry: PendingCall) => Promise<boolean>) {
    super(task);
    this.#call = call;
    this.#cancel = cancel;
  }

  override get call(): HeldApproval<T> {
    return this.#call;
  }

  override cancel(): Promise<boolean> {
    return this.#cancel(anyCall(this));
  }
}

/** The scheduler handles calls of every result type; it never looks into a result. */
export function anyCall<T>(entry: PendingCall<T>): PendingCall {
  return entry as unknown as PendingCall;
}

/** The call behind the handle that a caller holds; `undefined` where the library did not make the handle. */
export function callOfHandle(handle: unknown): PendingCall | undefined {
  return ApprovalHandle.entryOf(handle);
}

/** The pending approval that a caller holds: a thin view of the scheduler's entry. */
class ApprovalHandle<T> implements Omit<PendingApproval<T>, typeof PENDING_BRAND> {
  readonly #entry: PendingCall<T>;

  constructor(entry: PendingCall<T>) {
    this.#entry = entry;
  }

  static entryOf(handle: unknown): PendingCall | undefined {
    return typeof handle === 'object' && handle !== null && #entry in handle ? anyCall(handle.#entry as PendingCall) : undefined;
  }

  get taskId(): string {
    return this.#entry.task.taskId;
  }

  get decisionId(): string {
    return this.#entry.task.decisionId;
  }

  get agentId(): string {
    return this.#entry.task.agentId;
  }

  get toolName(): string {
    return this.#entry.task.toolName;
  }

  get status(): TaskStatus {
    return this.#entry.task.status;
  }

  get message(): string {
    const { toolName, reason } = this.#entry.task;
    return `Tool '${toolName}' execution pending approval: ${reason ?? 'a person has to decide'}`;
  }

  get edited(): readonly string[] | undefined {
    return this.#entry.task.edited;
  }

  get completed(): Promise<T> {
    return this.#entry.completed;
  }

  cancel(): Promise<boolean> {
    return this.#entry.cancel();
  }

  toString(): string {
    return this.message;
  }

  toJSON(): object {
    const { taskId, decisionId, agentId, toolName, status, message, edited } = this;
    return { taskId, decisionId, agentId, toolName, status, message, ...(edited && { edited }) };
  }

  static {
    Object.defineProperty(this.prototype, PENDING_BRAND, { value: true });
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: ApprovalHandle<unknown>) {
        return `PendingApproval ${inspect(this.toJSON())}`;
      },
    });
  }
}
