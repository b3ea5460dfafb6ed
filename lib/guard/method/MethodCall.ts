import { ArgumentList } from '../../model/snapshot/ArgumentList.js';
import { copyData } from '../../model/snapshot/copyData.js';
import type { AegisError } from '../../model/AegisError.js';
import type { Params, Session } from '../../model/Params.js';
import { takeParams } from '../../model/snapshot/takeSnapshot.js';
import type { CallSnapshot, SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { ApprovalMode } from '../../model/Task.js';
import type { CallToDecide, OwnParams } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import type { StandardSchema } from '../call/StandardSchema.js';
import type { GuardSpec } from './GuardSpec.js';
import { argumentsOf } from './ParamsBinding.js';
import type { NamedArguments } from './ParamsBinding.js';
import { callBack, computesCaller, recheckOf, resolveAgentId, resolveSession, resolveStoredSession, sessionOfScope } from './resolveCaller.js';

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** A call as a store keeps it. */
export interface StoredCall {
  readonly taskId: string;
  readonly agentId: string;
  readonly session: Session | null;
  /** As they were decided on, before any sanitize. */
  readonly params: Params;
  readonly argumentCount: number;
}

/** A function of the program with its guard, on an object. */
export interface GuardedMethod {
  readonly spec: GuardSpec;
  readonly fn: AnyFunction;
  readonly target: unknown;
  readonly runtime: GuardRuntime;
}

interface CallParts extends GuardedMethod {
  readonly args: readonly unknown[];
  readonly argumentCount: number;
  readonly named: NamedArguments | undefined;
  readonly agentId: string;
  readonly session: Session | null;
  readonly signal: AbortSignal | undefined;
  readonly stored: StoredCall | undefined;
  readonly lastLook: (() => AegisError | undefined) | undefined;
}

const NO_ARGUMENTS: readonly unknown[] = [];

/** One call of a guarded function. What its guard says, and what only an approval needs, is looked up when it is asked for. */
export class MethodCall implements CallToDecide {
  readonly target: unknown;
  readonly agentId: string;
  readonly session: Session | null;
  readonly signal: AbortSignal | undefined;
  readonly argumentCount: number;
  readonly lastLook: (() => AegisError | undefined) | undefined;
  readonly #spec: GuardSpec;
  readonly #fn: AnyFunction;
  readonly #runtime: GuardRuntime;
  readonly #named: NamedArguments | undefined;
  readonly #stored: StoredCall | undefined;
  #args: readonly unknown[];
  /** Kept for the callbacks of the guard, which are asked again before an approved call runs. */
  #snapshot: OwnParams | undefined;

  private constructor(parts: CallParts) {
    this.target = parts.target;
    this.agentId = parts.agentId;
    this.session = parts.session;
    this.signal = parts.signal;
    this.argumentCount = parts.argumentCount;
    this.lastLook = parts.lastLook;
    this.#spec = parts.spec;
    this.#fn = parts.fn;
    this.#runtime = parts.runtime;
    this.#named = parts.named;
    this.#stored = parts.stored;
    this.#args = parts.args;
    this.#snapshot = parts.stored?.params;
  }

  /** Describes one call. The callbacks of the guard are called here, once. */
  static of(method: GuardedMethod, args: readonly unknown[], lastLook?: () => AegisError | undefined): MethodCall {
    const { spec, fn, target, runtime } = method;
    const { signal } = spec.options;
    return new MethodCall({
      spec,
      fn,
      target,
      runtime,
      args,
      named: spec.binding.name(args, runtime.limits),
      agentId: resolveAgentId(spec, runtime, target, args),
      session: resolveSession(spec, runtime, target, args, sessionOfScope(runtime)),
      signal: typeof signal === 'function' ? callBack('signal', () => signal(target, args)) : signal,
      // after the callbacks, which may have changed the list that they were given
      argumentCount: spec.binding.count(args),
      stored: undefined,
      lastLook,
    });
  }

  /**
   * Describes a stored call again, on an instance of this process.
   *
   * @returns why it must not run, as a text, where its caller is not the one that was stored
   */
  static restored(method: GuardedMethod, stored: StoredCall): MethodCall | string {
    const { spec, target, runtime } = method;
    const { agentId, argumentCount, params } = stored;
    const { names, rest } = spec.binding;
    const args = (): readonly unknown[] => argumentsOf(copyData(params), names, rest, argumentCount);
    const resolved = resolveStoredSession(spec, runtime, target, args, stored);
    if (typeof resolved === 'string') return resolved;
    const { session } = resolved;
    const none = { named: undefined, signal: undefined, lastLook: undefined };
    return new MethodCall({ ...method, ...none, args: NO_ARGUMENTS, argumentCount, agentId, session, stored });
  }

  takeSnapshot(limits: SnapshotLimits): CallSnapshot {
    if (this.#stored !== undefined) return takeParams(this.#stored.params, limits);
    const snapshot = this.#spec.binding.takeSnapshot(this.#args, this.#named, limits);
    // a call may wait for days: its caller's own arguments are not kept, and a callback that is asked again gets a copy
    this.#args = NO_ARGUMENTS;
    if (computesCaller(this.#spec)) this.#snapshot = snapshot.value;
    return snapshot;
  }

  invokeMethod(effectiveParams: OwnParams): unknown {
    return Reflect.apply(this.#fn, this.target, this.#argumentsOf(effectiveParams));
  }

  /** The guard, where equal calls share an approval: two readers of one stream would each get a part of it. */
  get guard(): object | undefined {
    return this.#spec.deduplicates ? this.#spec : undefined;
  }

  get signature(): string | undefined {
    return this.#spec.deduplicates && this.#named?.prototypes === undefined ? this.#spec.signature : undefined;
  }

  get idempotent(): boolean {
    return this.#spec.info.idempotent;
  }

  get retryOf(): string | undefined {
    return this.#stored?.taskId;
  }

  get rest(): string | undefined {
    return this.#spec.binding.rest;
  }

  get prototypes(): ReadonlyMap<string, object> | undefined {
    return this.#named?.prototypes;
  }

  get toolName(): string {
    return this.#spec.info.toolName;
  }

  get guardKey(): string {
    return this.#spec.info.key;
  }

  get groups(): readonly string[] {
    return this.#spec.info.groups;
  }

  get opaque(): readonly string[] {
    return this.#spec.info.opaque;
  }

  get mode(): ApprovalMode {
    return this.#spec.info.approval;
  }

  get schema(): StandardSchema | undefined {
    return this.#spec.options.schema;
  }

  get approvalTimeoutMs(): number | undefined {
    return this.#spec.options.approvalTimeoutMs;
  }

  get knows(): (name: string) => boolean {
    return (name) => this.#spec.binding.knows(name);
  }

  get recheck(): (() => string | undefined) | undefined {
    return recheckOf(this.#spec, this.#runtime, this.target, () => this.#argumentsAsCalled(), this);
  }

  get onSettled(): ((result: unknown, error: unknown) => unknown) | undefined {
    return this.#spec.options.onSettled as ((result: unknown, error: unknown) => unknown) | undefined;
  }

  #argumentsAsCalled(): readonly unknown[] {
    const snapshot = this.#snapshot as OwnParams;
    return this.#argumentsOf(snapshot instanceof ArgumentList ? snapshot.copy() : copyData(snapshot));
  }

  #argumentsOf(own: OwnParams): readonly unknown[] {
    return this.#spec.binding.toArguments(own, this.#named, this.argumentCount);
  }
}
