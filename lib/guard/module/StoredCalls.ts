import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { RestoredCall, CallRestorer } from '../../approval/recovery/CallRestorer.js';
import type { WaitingForWorker } from '../../approval/task/TaskEvents.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { reportSecurity } from '../../model/Journal.js';
import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import type { Task, TaskOrigin } from '../../model/Task.js';
import { runWithSession } from '../call/callContext.js';
import { CallRequest } from '../call/CallRequest.js';
import { classNameOf } from '../call/classNameOf.js';
import { bindingBaseOf, digestOfSession } from '../../model/bindingBase.js';
import { decideCall } from '../decideCall.js';
import { bindingKeys, bindingsOf } from '../method/GuardBinding.js';
import type { GuardBinding } from '../method/GuardBinding.js';
import type { AnyClass } from '../method/guardMetadata.js';
import { resolveRuntime } from '../method/Caller.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { PendingCallState } from '../pending/PendingCallState.js';
import { MethodCall } from '../method/MethodCall.js';

/** Why this process cannot call a task again, and what to do. */
const WHY_WAITING: Readonly<Record<WaitingForWorker['reason'], string>> = {
  'no-guard': 'this process has no guard with its key; import the module that defines the guard.',
  'several-guards': 'several guards of this process have its key; give each of them a `key` of its own.',
  'no-instance': 'this process has no instance to call it on; construct one, or return one from `resolve`.',
  'several-instances': 'this process has several instances to call it on; return the right one from `resolve`.',
};

/** Supplies the instance that a stored task runs on. */
export type ResolveInstance = (target: AnyClass, task: Task) => Awaitable<object | undefined>;

/** Restores calls of stored tasks: the same method, on an instance of this process, with the arguments from the store. */
export class StoredCalls implements CallRestorer {
  readonly #runtime: () => GuardRuntime;
  readonly #resolve: ResolveInstance | undefined;

  /** @param runtime called when it is needed, because the runtime is made later */
  constructor(runtime: () => GuardRuntime, resolve: ResolveInstance | undefined) {
    this.#runtime = runtime;
    this.#resolve = resolve;
  }

  runnable(): readonly string[] {
    return bindingKeys().filter((key) => {
      const [binding, ...others] = bindingsOf(key);
      if (binding === undefined || others.length > 0) return false;
      return binding.sole.kind === 'sole' || (this.#resolve !== undefined && binding.class !== undefined);
    });
  }

  keys(): readonly string[] {
    return bindingKeys();
  }

  sensitive({ guardKey }: Task): Sensitive | undefined {
    return bindingsOf(guardKey)[0]?.spec.options.sensitive as Sensitive | undefined;
  }

  restore(task: Task): Awaitable<RestoredCall> {
    return chain(this.#find(task), (found): RestoredCall => {
      if ('kind' in found) return found;
      const runtime = this.#runtime();
      const call = this.#call(found.binding, found.self, task, bindingBaseOf(task));
      if ('kind' in call) return call;
      const hold = (): PendingCallState<unknown> =>
        new PendingCallState<unknown>(runtime, call, new CallRequest(callParams(task), call, runtime), task);
      // a session that withSession() gave lasts in what runs later
      return { kind: 'call', call: runtime.asyncLocal ? runWithSession(task.session, hold) : hold() };
    });
  }

  /**
   * Prepares to decide a stored call anew, as a new call. Its outcome is reported by events; an error that ends it at once is thrown.
   *
   * @throws TaskStateError where this process cannot call it
   */
  async retry(task: Task): Promise<() => Promise<void>> {
    const found = await this.#find(task);
    const call = 'kind' in found ? found : this.#call(found.binding, found.self, task);
    if (!(call instanceof MethodCall)) {
      const why = call.kind === 'refused' ? call.why : WHY_WAITING[(call as Extract<RestoredCall, { kind: 'waiting' }>).reason];
      throw new TaskStateError(task.taskId, `This task cannot be called again: ${why}`);
    }
    const runtime = this.#runtime();
    const decide = async (): Promise<void> => {
      const outcome = await decideCall(runtime, call);
      if (outcome.kind === 'denied') throw outcome.error;
      if (outcome.kind === 'ran') await outcome.value;
      // a call in mode `throw` runs only when its caller calls again
      else if (call.mode !== 'throw') outcome.schedule();
    };
    return async () => (runtime.asyncLocal ? runWithSession(task.session, decide) : decide());
  }

  #find(task: Task): Awaitable<{ readonly binding: GuardBinding; readonly self: unknown } | RestoredCall> {
    const [binding, ...others] = bindingsOf(task.guardKey);
    if (binding === undefined) return { kind: 'waiting', reason: 'no-guard' };
    if (others.length > 0) return { kind: 'waiting', reason: 'several-guards' };
    const { sole, class: target } = binding;
    const resolve = this.#resolve;
    // a static method runs on its class, which needs no resolve()
    const isStatic = sole.kind === 'sole' && typeof sole.self === 'function';
    if (resolve !== undefined && target !== undefined && !isStatic) {
      return attempt<object | undefined, { readonly binding: GuardBinding; readonly self: unknown } | RestoredCall>(
        () => resolve(target, task),
        (self) =>
          typeof self === 'object' && self !== null && binding.isOf(self) ? { binding, self } : { kind: 'waiting', reason: 'no-instance' },
        (error) => {
          publishCallbackError('resolve', error);
          return { kind: 'waiting', reason: 'no-instance' };
        },
      );
    }
    if (sole.kind === 'sole' && classNameOf(sole.self) === task.origin?.target) return { binding, self: sole.self };
    return { kind: 'waiting', reason: sole.kind === 'several' ? 'several-instances' : 'no-instance' };
  }

  #call({ spec, fn }: GuardBinding, self: unknown, task: Task, bindingBase?: string): MethodCall | RestoredCall {
    const refused = (code: string, why: string): RestoredCall => ({ kind: 'refused', code, why });
    const { taskId, agentId, toolName, session, decisionId } = task;
    const origin = task.origin as TaskOrigin;
    if (spec.info.toolName !== toolName || spec.signature !== origin.signature)
      return refused('guard_changed', 'its guard now has another tool name or other parameters.');
    if (spec.info.opaque.length > 0) return refused('opaque_not_durable', 'it has opaque arguments, which no store can keep.');
    if (canonicalDigest(origin.originalParams) !== task.originalDigest || digestOfSession(session) !== task.sessionDigest) {
      const message = 'The params or the session of a stored call were changed after it was decided.';
      reportSecurity(
        { kind: 'security', code: 'stored_call_tampered', message, actor: { kind: 'store' }, agentId, toolName, decisionId },
        this.#runtime().journal,
      );
      return refused('approved_params_changed', 'its stored params or session were changed.');
    }
    const { argumentCount } = origin;
    try {
      const runtime = resolveRuntime(spec, self);
      // the guard belongs to another module, which runs the call
      if (runtime !== this.#runtime()) return { kind: 'waiting', reason: 'no-guard' };
      const stored = { taskId, agentId, session, params: callParams(task), argumentCount, bindingBase };
      const call = MethodCall.restored({ spec, fn, target: self, runtime }, stored);
      return typeof call === 'string' ? refused('caller_changed', call) : call;
    } catch (error) {
      publishCallbackError('computing agent and session of a stored call', error);
      return refused('caller_changed', 'its agent or session could not be computed again.');
    }
  }
}

function callParams({ origin }: Task): TaskOrigin['originalParams'] {
  return (origin as TaskOrigin).originalParams;
}
