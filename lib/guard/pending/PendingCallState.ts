import { AsyncResource } from 'node:async_hooks';
import type { ApprovalScheduler } from '../../approval/ApprovalScheduler.js';
import { anyCall, PendingCall } from '../../approval/call/PendingCall.js';
import type { HeldApproval, LastLook, RunApproved } from '../../approval/call/PendingCall.js';
import { NotEnteredError, StaleClaimError } from '../../approval/execution/ExecutionHost.js';
import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Decision } from '../../model/Decision.js';
import type { Params } from '../../model/Params.js';
import type { ExecutingTask, Task } from '../../model/Task.js';
import { checkEffectiveParams } from '../call/checkEffectiveParams.js';
import { CallRequest } from '../call/CallRequest.js';
import type { CallFacts, CallToDecide, PendingOutcome } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { enterMethod } from '../gate/enterMethod.js';
import { clampTimeout } from '../../common/time/SteadyClock.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { AegisError } from '../../model/AegisError.js';
import { saltedDecision } from '../../model/Decision.js';
import { ApprovalTimeoutError, CallAbortedError } from '../../model/errors/RefusalErrors.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';

/** A guarded call while it waits for a person: the scheduler's entry, and what the guard keeps of the call, in one object. */
export class PendingCallState<R> extends PendingCall<Awaited<R>> implements HeldApproval<Awaited<R>> {
  readonly #call: CallToDecide<R>;
  readonly #runtime: GuardRuntime;
  /** The snapshot that was decided on. */
  readonly #params: Params;
  readonly #callId: string;
  /**
   * The caller's own: the code that runs it later may be in the context of another caller, with the session of that one. Never shared by two calls, also
   * where it looks empty: what the method of one does to it would reach the other.
   */
  readonly #context: AsyncResource = new AsyncResource('AegisApproval', { requireManualDestroy: true });

  constructor(runtime: GuardRuntime, call: CallToDecide<R>, request: CallRequest, task: Task) {
    super(task);
    this.#call = call.kept?.() ?? call;
    this.#runtime = runtime;
    this.#params = request.params;
    this.#callId = request.callId;
  }

  override get call(): HeldApproval<Awaited<R>> {
    return this;
  }

  override cancel(): Promise<boolean> {
    return this.#runtime.scheduler.cancelForCaller(anyCall(this));
  }

  /** Made when it is asked for: 100,000 calls that wait would keep as many requests, which say what their tasks say. */
  get request(): CallRequest {
    return CallRequest.of(this.#params, this.#callId, this.#call, this.#runtime);
  }

  /** A call whose arguments are not all compared has no duplicates. */
  get guard(): object | undefined {
    return (this.#call.opaque?.length ?? 0) === 0 ? this.#call.guard : undefined;
  }

  get target(): unknown {
    return this.#call.target;
  }

  get onSettled(): ((result: Awaited<R> | undefined, error: unknown) => unknown) | undefined {
    const { onSettled } = this.#call;
    return onSettled && ((result, error) => this.#context.runInAsyncScope(onSettled, undefined, result, error));
  }

  /** Compares with the scope that the caller was in. */
  get recheck(): (() => string | undefined) | undefined {
    return this.#context.runInAsyncScope(() => {
      const { recheck } = this.#call;
      return recheck && (() => this.#context.runInAsyncScope(recheck));
    });
  }

  get prototypes(): ReadonlyMap<string, object> | undefined {
    return this.#call.prototypes;
  }

  run(params: Params, task: ExecutingTask, lastLook: LastLook): Awaitable<Awaited<R>> {
    return this.#context.runInAsyncScope(() => runApproved(this.#runtime, this.#call, task, params, lastLook));
  }

  admit(params: Params): Awaitable<Params> {
    return this.#context.runInAsyncScope(() => checkEffectiveParams(params, this.#call, this.request, this.#runtime.limits));
  }
}

/**
 * Enters the method of an approved call through the gate. Throws a NotEnteredError where the gate stops it. Where that is because its module closes, or
 * because its caller has returned, the claim is stale: the approval is not lost.
 */
export function runApproved<R>(
  runtime: GuardRuntime,
  call: CallToDecide<R>,
  { decisionId, taskId, claimToken, auditSalt }: ExecutingTask,
  params: Params,
  lastLook: LastLook,
): Awaitable<Awaited<R>> {
  const look: LastLook = () => lastLook() ?? leftBehind(runtime, call);
  const decision: Decision = { effect: 'allow', decisionId };
  const salted = auditSalt === undefined ? decision : saltedDecision(decision, auditSalt);
  const entered = enterMethod(runtime, call, params, salted, notEntered, {
    taskId,
    token: claimToken,
    lastLook: look,
  });
  // the scheduler awaits what this returns, so that a promise of the result is as good as the result
  return chain(entered, ({ value }) => value as Awaited<R>);
}

function leftBehind({ closed }: GuardRuntime, { lastLook }: CallFacts<never>): StaleClaimError | undefined {
  if (closed) return new StaleClaimError('The module closed before the method was entered.');
  const stop = lastLook?.();
  return stop && new StaleClaimError(stop.message);
}

function notEntered(_call: unknown, reason: Error): never {
  throw new NotEnteredError(reason);
}

interface WaitOptions {
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const WAIT_OPTIONS: OptionKinds<WaitOptions> = { waitMs: 'ms', signal: 'object' };
const RESUME_OPTIONS: OptionKinds<{ readonly atOnce?: boolean }> = { atOnce: 'boolean' };

/** The ways to go on from a recorded approval. */
export function pendingOutcome<T>(
  { scheduler }: GuardRuntime,
  entry: PendingCall<T>,
  run: RunApproved<T>,
  { deduplicated, signal }: { readonly deduplicated: boolean; readonly signal: AbortSignal | undefined },
): PendingOutcome<T> {
  const known = anyCall(entry);
  const { handle } = entry;
  return {
    kind: 'pending',
    pending: handle,
    deduplicated,
    signal,
    schedule() {
      submit(scheduler, entry);
      // its caller counts on it as long as it is open
      entry.waiters += 1;
      return handle;
    },
    async wait(given: WaitOptions = {}) {
      const options = checkedOptions('wait()', given, WAIT_OPTIONS);
      submit(scheduler, entry);
      entry.waiters += 1;
      return waitFor(
        entry,
        { waitMs: options.waitMs, signal: options.signal ?? signal },
        {
          cancel: (error) => scheduler.cancel(known, error),
          timeout: (why) => scheduler.timeout(known, why),
        },
      );
    },
    resume(options = {}) {
      const { atOnce = false } = checkedOptions('resume()', options, RESUME_OPTIONS);
      return chain(scheduler.redeem(known, run, atOnce), () => {
        const read = (): { readonly value: T } | undefined => {
          const { outcome } = entry;
          if (outcome?.ok === false) throw outcome.error;
          return outcome && { value: outcome.value };
        };
        // a duplicate call is running it just now, or finds that a person has to be asked again
        return entry.outcome === undefined && entry.execution !== undefined ? chain(entry.execution, read) : read();
      });
    },
    cancel: () => entry.cancel(),
  };
}

/** Has the scheduler follow a call. It may be the program's own: where that one throws, no one waits for the approval, so it ends. */
function submit<T>(scheduler: ApprovalScheduler, entry: PendingCall<T>): void {
  try {
    // only its caller can let such a call run in the background
    if (entry.task.mode === 'throw') scheduler.follow(entry);
    else scheduler.submit(entry.handle);
  } catch (error) {
    if (entry.waiters === 0) entry.cancel().catch((failure: unknown) => publishCallbackError('ending an approval', failure));
    if (AegisError.is(error)) throw error;
    const message = `The scheduler failed for tool '${entry.task.toolName}', so the tool does not run. See \`cause\` for its error.`;
    throw new DecisionUnavailableError('service_threw', message, { cause: error });
  }
}

interface WaitEnds {
  cancel(error: Error): Promise<boolean>;
  timeout(why: string): Promise<boolean>;
}

/**
 * An abort or the deadline ends the approval, unless it was decided first: then the outcome is awaited. If others wait for the same approval,
 * only this caller stops waiting.
 */
function waitFor<T>(entry: PendingCall<T>, { waitMs, signal }: WaitOptions, ends: WaitEnds): Promise<T> {
  const { toolName, taskId, decisionId } = entry.task;
  return new Promise<T>((resolve, reject) => {
    const give = (error: Error, end: () => Promise<boolean>): void => {
      leave();
      // counted down at once: callers that share a signal all leave in one tick, and the last one ends the approval
      if (entry.waiters > 0) reject(error);
      else end().catch((failure: unknown) => publishCallbackError('ending an approval', failure)); // it stays open until its own end
    };
    const onAbort = (): void => {
      const error = new CallAbortedError(toolName, signal?.reason);
      give(error, () => ends.cancel(error));
    };
    const onTimeout = (): void => {
      const why = `it was not decided within ${waitMs} ms (waitMs)`;
      give(new ApprovalTimeoutError(taskId, decisionId, `The approval of tool '${toolName}' ended: ${why}.`), () => ends.timeout(why));
    };
    const stopTimer = waitMs === undefined ? undefined : startTimer(waitMs, onTimeout);
    let waiting = true;
    const leave = (): void => {
      if (waiting) entry.waiters -= 1;
      waiting = false;
      stopTimer?.();
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    entry.completed.then(resolve, reject).finally(leave);
    if (signal?.aborted === true) onAbort();
  });
}

/** A timer without a limit: setTimeout takes 24.8 days at most, and an approval may take longer. */
function startTimer(ms: number, fire: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    const step = clampTimeout(left);
    timer = setTimeout(() => (left > step ? arm(left - step) : fire()), step);
  };
  arm(ms);
  return () => clearTimeout(timer);
}
