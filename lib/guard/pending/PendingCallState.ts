import { AsyncResource } from 'node:async_hooks';
import type { HeldApproval } from '../../approval/call/PendingCall.js';
import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Params } from '../../model/Params.js';
import type { Task } from '../../model/Task.js';
import { checkEffectiveParams } from '../call/checkEffectiveParams.js';
import { CallRequest } from '../call/CallRequest.js';
import type { CallToDecide } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { enterMethod } from '../gate/enterMethod.js';

/** A guarded call while it waits for a person: what the scheduler keeps of it. */
export class PendingCallState<R> implements HeldApproval<Awaited<R>> {
  readonly request: CallRequest;
  /** Taken now, in the scope of the caller. */
  readonly recheck: (() => string | undefined) | undefined;
  readonly #call: CallToDecide<R>;
  readonly #runtime: GuardRuntime;
  /** The caller's own: whoever runs it later may be in the context of another caller, with that one's session. */
  readonly #context: AsyncResource = new AsyncResource('AegisApproval', { requireManualDestroy: true });

  constructor(runtime: GuardRuntime, call: CallToDecide<R>, request: CallRequest) {
    this.request = request;
    const { recheck } = call;
    this.recheck = recheck && (() => this.#context.runInAsyncScope(recheck));
    this.#call = call;
    this.#runtime = runtime;
    CallRequest.freeze(request);
  }

  /** A call whose arguments are not all compared is joined by none. */
  get guard(): object | undefined {
    return this.request.opaque.length === 0 ? this.#call.guard : undefined;
  }

  get target(): unknown {
    return this.#call.target;
  }

  get onSettled(): ((result: Awaited<R> | undefined, error: unknown) => unknown) | undefined {
    const { onSettled } = this.#call;
    return onSettled && ((result, error) => this.#context.runInAsyncScope(onSettled, undefined, result, error));
  }

  get prototypes(): ReadonlyMap<string, object> | undefined {
    return this.#call.prototypes;
  }

  run(params: Params, task: Task, lastLook: LastLook = () => undefined): Awaitable<Awaited<R>> {
    return this.#context.runInAsyncScope(() => runApproved(this.#runtime, this.#call, task, params, lastLook));
  }

  admit(params: Params): Awaitable<Params> {
    return this.#context.runInAsyncScope(() => checkEffectiveParams(params, this.#call, this.request, this.#runtime.limits));
  }
}

/** Says, in the tick of the entry, why an approved call must not run after all. */
export type LastLook = () => Error | undefined;

/** Enters the method of an approved call through the gate. What the gate stops is thrown. */
export function runApproved<R>(
  runtime: GuardRuntime,
  call: CallToDecide<R>,
  task: Task,
  params: Params,
  lastLook: LastLook = () => undefined,
): Awaitable<Awaited<R>> {
  const { decisionId, taskId } = task;
  const token = task.status === 'executing' ? task.claimToken : undefined;
  const entered = enterMethod(runtime, call, params, { effect: 'allow', decisionId }, { taskId, token, lastLook });
  return chain(entered, (outcome) => {
    if (outcome.kind === 'withheld') throw outcome.error;
    // the scheduler awaits what this returns, so that a promise of the result is as good as the result
    return outcome.value as Awaited<R>;
  });
}
