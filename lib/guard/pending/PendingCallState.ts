import { AsyncResource } from 'node:async_hooks';
import type { HeldApproval } from '../../approval/call/PendingCall.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Params } from '../../model/Params.js';
import type { Task } from '../../model/Task.js';
import { checkEffectiveParams } from '../call/checkEffectiveParams.js';
import { enterCall, nestedTooDeep } from '../call/callContext.js';
import { CallRequest } from '../call/CallRequest.js';
import type { CallToDecide } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';

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

  run(params: Params, task: Task): Awaitable<Awaited<R>> {
    return this.#context.runInAsyncScope(() => runApproved(this.#call, task, params));
  }

  admit(params: Params): Awaitable<Params> {
    return this.#context.runInAsyncScope(() => checkEffectiveParams(params, this.#call, this.request, this.#runtime.limits));
  }
}

/** Enters the method of an approved call, in its own context. */
export function runApproved<R>(
  call: CallToDecide<R>,
  { agentId, toolName, decisionId, taskId }: Pick<Task, 'agentId' | 'toolName' | 'decisionId' | 'taskId'>,
  params: Params,
): Awaited<R> {
  const tooDeep = nestedTooDeep(toolName);
  if (tooDeep !== undefined) throw tooDeep;
  // the scheduler awaits what this returns, so that a promise of the result is as good as the result
  return enterCall(agentId, toolName, decisionId, taskId, call, params) as Awaited<R>;
}
