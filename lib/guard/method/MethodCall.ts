import { ArgumentList } from '../../model/snapshot/ArgumentList.js';
import { copyData } from '../../model/snapshot/copyValue.js';
import type { AegisError } from '../../model/AegisError.js';
import type { Params, Session } from '../../model/Params.js';
import { takeParams } from '../../model/snapshot/takeSnapshot.js';
import type { CallSnapshot, SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { ApprovalMode } from '../../model/Task.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import type { CallFacts, CallToDecide, OwnParams } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import type { StandardSchema } from '../call/StandardSchema.js';
import { previewBy } from '../preview/previewBy.js';
import type { GuardSpec } from './GuardSpec.js';
import { argumentsOf } from './ParamsBinding.js';
import type { NamedArguments } from './ParamsBinding.js';
import { callBack, recheckOf, resolveAgentId, resolveSession, resolveStoredSession, sessionOfScope } from './Caller.js';

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** A call as a store keeps it. */
export interface StoredCall {
  readonly taskId: string;
  readonly agentId: string;
  readonly session: Session | null;
  /** As they were decided on, before any sanitize. */
  readonly params: Params;
  readonly argumentCount: number;
  /** What its approval was given for; a call that is decided anew has none. */
  readonly bindingBase?: string | undefined;
}

/** A function of the program with its guard, on an object. */
export interface GuardedMethod {
  readonly spec: GuardSpec;
  readonly fn: AnyFunction;
  readonly target: unknown;
  readonly runtime: GuardRuntime;
}

const NO_ARGUMENTS: readonly unknown[] = [];

/** One call of a guarded function. What its guard says, and what only an approval needs, is looked up when it is asked for. */
export class MethodCall implements CallToDecide {
  readonly agentId: string;
  readonly session: Session | null;
  readonly signal: AbortSignal | undefined;
  readonly argumentCount: number;
  readonly lastLook: (() => AegisError | undefined) | undefined;
  readonly #method: GuardedMethod;
  #named: NamedArguments | undefined;
  readonly #stored: StoredCall | undefined;
  #args: readonly unknown[];
  /** Kept for the callbacks of the guard: they see what is decided, and are asked again before an approved call runs. */
  #snapshot: CallSnapshot | undefined;

  /**
   * Describes one call. The callbacks of the guard are called here, once, with copies of the snapshot: arguments may answer differently each time that
   * they are read.
   *
   * @param args the caller's own; they are not kept
   * @param lastLook asked in the tick of the entry: an error that it returns stops the call
   * @param restored the call as it was stored, with the session that was derived for it again
   */
  constructor(
    method: GuardedMethod,
    args: readonly unknown[],
    lastLook?: () => AegisError | undefined,
    restored?: { readonly stored: StoredCall; readonly session: Session | null },
  ) {
    this.#method = method;
    this.#args = args;
    this.lastLook = lastLook;
    if (restored === undefined) {
      const { spec, target, runtime } = method;
      const { signal } = spec.options;
      this.#stored = undefined;
      this.argumentCount = spec.binding.count(args);
      this.#named = spec.binding.name(args, runtime.limits);
      this.#snapshot = spec.hasCallbacks ? spec.binding.takeSnapshot(args, this.#named, runtime.limits) : undefined;
      const copy = (): readonly unknown[] => MethodCall.#argumentsAsCalled(this);
      this.agentId = resolveAgentId(spec, runtime, target, copy);
      this.session = resolveSession(spec, runtime, target, copy, sessionOfScope(runtime));
      this.signal = typeof signal === 'function' ? callBack('signal', () => signal(target, copy())) : signal;
    } else {
      const { stored } = restored;
      this.#named = undefined;
      this.agentId = stored.agentId;
      this.session = restored.session;
      this.signal = undefined;
      this.argumentCount = stored.argumentCount;
      this.#stored = stored;
      this.#snapshot = { value: stored.params, firstNull: undefined };
    }
  }

  /**
   * Describes a stored call again, on an instance of this process.
   *
   * @returns why it must not run, as a text, where its caller is not the one that was stored
   */
  static restored(method: GuardedMethod, stored: StoredCall): MethodCall | string {
    const { spec, target, runtime } = method;
    const { argumentCount, params } = stored;
    const { names, rest } = spec.binding;
    const args = (): readonly unknown[] => argumentsOf(copyData(params), names, rest, argumentCount);
    const resolved = resolveStoredSession(spec, runtime, target, args, stored);
    return typeof resolved === 'string' ? resolved : new MethodCall(method, NO_ARGUMENTS, undefined, { stored, session: resolved.session });
  }

  takeSnapshot(limits: SnapshotLimits): CallSnapshot {
    if (this.#stored !== undefined) return takeParams(this.#stored.params, limits);
    const { binding, computesCaller } = this.#method.spec;
    const snapshot = this.#snapshot ?? binding.takeSnapshot(this.#args, this.#named, limits);
    // a call may wait for days: its caller's own arguments are not kept, and a callback that is asked again gets a copy
    this.#args = NO_ARGUMENTS;
    const { opaque, further, prototypes } = this.#named ?? {};
    if (opaque === undefined && further === undefined && prototypes === undefined) this.#named = undefined;
    if (!computesCaller) this.#snapshot = undefined;
    return snapshot;
  }

  invokeMethod(effectiveParams: OwnParams): unknown {
    return Reflect.apply(this.#method.fn, this.#method.target, MethodCall.#argumentsOf(this, effectiveParams));
  }

  /** The params are in the task, and everything else is the same for most calls of a method: 100,000 of them may wait at once. */
  kept(): MethodCall {
    const { spec } = this.#method;
    if (!MethodCall.#isShareable(this)) return this;
    const last = spec.lastKept?.deref();
    if (last instanceof MethodCall && MethodCall.#areEqual(last, this)) return last;
    spec.lastKept = new WeakRef(this);
    return this;
  }

  get target(): unknown {
    return this.#method.target;
  }

  /** The guard, where duplicate calls share an approval: two readers of one stream would each get a part of it. */
  get guard(): object | undefined {
    return this.#method.spec.deduplicates ? this.#method.spec : undefined;
  }

  get signature(): string | undefined {
    return this.#method.spec.deduplicates && this.#named?.prototypes === undefined ? this.#method.spec.signature : undefined;
  }

  get idempotent(): boolean {
    return this.#method.spec.info.idempotent;
  }

  get bindingBase(): string | undefined {
    return this.#stored?.bindingBase;
  }

  get retryOf(): string | undefined {
    return this.#stored?.taskId;
  }

  get rest(): string | undefined {
    return this.#method.spec.binding.rest;
  }

  get prototypes(): ReadonlyMap<string, object> | undefined {
    return this.#named?.prototypes;
  }

  get toolName(): string {
    return this.#method.spec.info.toolName;
  }

  get guardKey(): string {
    return this.#method.spec.info.key;
  }

  get groups(): readonly string[] {
    return this.#method.spec.info.groups;
  }

  get opaque(): readonly string[] {
    return this.#method.spec.info.opaque;
  }

  get mode(): ApprovalMode {
    return this.#method.spec.info.approval;
  }

  get schema(): StandardSchema | undefined {
    return this.#method.spec.options.schema;
  }

  get approvalTimeoutMs(): number | undefined {
    return this.#method.spec.options.approvalTimeoutMs;
  }

  get wireTypes(): 'string' | undefined {
    return this.#method.spec.options.wireTypes;
  }

  get sensitive(): Sensitive | undefined {
    // read where the guard was defined
    return this.#method.spec.options.sensitive as Sensitive | undefined;
  }

  get preview(): CallFacts['preview'] {
    const { spec, target, runtime } = this.#method;
    const { preview, previewTimeoutMs } = spec.options;
    if (preview === undefined) return undefined;
    return previewBy(this, {
      limits: runtime.limits,
      timeoutMs: previewTimeoutMs,
      describe: (own, signal) => preview(target, MethodCall.#argumentsOf(this, own), signal),
    });
  }

  get knows(): (name: string) => boolean {
    return (name) => this.#method.spec.binding.knows(name);
  }

  get recheck(): (() => string | undefined) | undefined {
    const { spec, runtime, target } = this.#method;
    // only what a callback computes can have changed
    return spec.computesCaller ? recheckOf(spec, runtime, target, () => MethodCall.#argumentsAsCalled(this), this) : undefined;
  }

  get onSettled(): ((result: unknown, error: unknown) => unknown) | undefined {
    return this.#method.spec.options.onSettled as ((result: unknown, error: unknown) => unknown) | undefined;
  }

  // static: an object pays a field for private methods of its class

  static #isShareable(call: MethodCall): boolean {
    const { signal, lastLook } = call;
    const own = call.#named ?? call.#stored ?? call.#snapshot ?? signal ?? lastLook;
    return own === undefined && call.#args.length === 0;
  }

  static #areEqual(a: MethodCall, b: MethodCall): boolean {
    const [of, other] = [a.#method, b.#method];
    const sameMethod = of.spec === other.spec && of.fn === other.fn && of.target === other.target && of.runtime === other.runtime;
    return sameMethod && a.agentId === b.agentId && a.session === b.session && a.argumentCount === b.argumentCount;
  }

  static #argumentsAsCalled(call: MethodCall): readonly unknown[] {
    const { value } = call.#snapshot as CallSnapshot;
    return MethodCall.#argumentsOf(call, value instanceof ArgumentList ? value.copy() : copyData(value));
  }

  static #argumentsOf(call: MethodCall, own: OwnParams): readonly unknown[] {
    return call.#method.spec.binding.toArguments(own, call.#named, call.argumentCount);
  }
}
