import { ArgumentList } from '../../model/snapshot/ArgumentList.js';
import { copyData } from '../../model/snapshot/copyData.js';
import type { Params, Session } from '../../model/Params.js';
import { takeParams } from '../../model/snapshot/takeSnapshot.js';
import type { CallSnapshot, SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { ApprovalMode } from '../../model/Task.js';
import type { CallToDecide, OwnParams } from '../call/GuardedCall.js';
import type { GuardInfo } from './guardMetadata.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import type { LooseGuardOptions } from './LooseGuardOptions.js';
import type { NamedArguments, ParamsBinding } from './ParamsBinding.js';
import type { StandardSchema } from '../call/StandardSchema.js';

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** The guard that a call belongs to. */
export interface CallSource {
  readonly info: GuardInfo;
  readonly options: LooseGuardOptions;
  readonly binding: ParamsBinding;
  /** Whether equal calls join. */
  readonly joins: boolean;
  /** Whether agent or session are computed from the arguments. */
  readonly computesCaller: boolean;
  /** What names its parameters. */
  readonly signature: string;
  recheck(
    runtime: GuardRuntime,
    self: unknown,
    args: () => readonly unknown[],
    agentId: string,
    session: Session | null,
  ): (() => string | undefined) | undefined;
}

/** A call as a store kept it. */
export interface StoredCall {
  readonly taskId: string;
  readonly agentId: string;
  readonly session: Session | null;
  /** As it was decided on, before any sanitize. */
  readonly params: Params;
  readonly argumentCount: number;
}

const NONE: readonly unknown[] = [];

/** One call of a guarded function. What the guard knows anyway, and what only an approval needs, is looked up when asked for. */
export class MethodCall implements CallToDecide {
  readonly #source: CallSource;
  readonly target: unknown;
  readonly agentId: string;
  readonly session: Session | null;
  readonly signal: AbortSignal | undefined;
  readonly #fn: AnyFunction;
  readonly #runtime: GuardRuntime;
  readonly #named: NamedArguments | undefined;
  #count: number;
  #stored: StoredCall | undefined;
  #args: readonly unknown[];
  #asCalled: OwnParams | undefined;

  constructor(
    source: CallSource,
    fn: AnyFunction,
    runtime: GuardRuntime,
    target: unknown,
    args: readonly unknown[],
    named: NamedArguments | undefined,
    agentId: string,
    session: Session | null,
    signal: AbortSignal | undefined,
  ) {
    this.#source = source;
    this.target = target;
    this.agentId = agentId;
    this.session = session;
    this.signal = signal;
    this.#fn = fn;
    this.#runtime = runtime;
    this.#args = args;
    this.#count = source.binding.count(args);
    this.#named = named;
  }

  /** A call that was made in another process, or by this one before: its arguments come from where it was stored. */
  static stored(
    source: CallSource,
    fn: AnyFunction,
    runtime: GuardRuntime,
    target: unknown,
    stored: StoredCall,
    session: Session | null,
  ): MethodCall {
    const call = new MethodCall(source, fn, runtime, target, NONE, undefined, stored.agentId, session, undefined);
    call.#count = stored.argumentCount;
    call.#asCalled = stored.params;
    call.#stored = stored;
    return call;
  }

  takeSnapshot(limits: SnapshotLimits): CallSnapshot {
    if (this.#stored !== undefined) return takeParams(this.#stored.params, limits);
    const { binding, computesCaller } = this.#source;
    const snapshot = binding.takeSnapshot(this.#args, this.#named, limits);
    // a call may wait for days: its caller's own arguments are not kept, and what a callback is asked again with is a copy
    this.#args = NONE;
    if (computesCaller) this.#asCalled = snapshot.value;
    return snapshot;
  }

  run(own: OwnParams): unknown {
    return Reflect.apply(this.#fn, this.target, this.#source.binding.toArguments(own, this.#named, this.#count));
  }

  /** The guard, where an equal call may join: two readers of one stream would each get a part of it. */
  get guard(): object | undefined {
    return this.#source.joins ? this.#source : undefined;
  }

  get signature(): string | undefined {
    return this.#source.joins && this.#named?.prototypes === undefined ? this.#source.signature : undefined;
  }

  get argumentCount(): number {
    return this.#count;
  }

  get idempotent(): boolean {
    return this.#source.info.idempotent;
  }

  get retryOf(): string | undefined {
    return this.#stored?.taskId;
  }

  get rest(): string | undefined {
    return this.#source.binding.rest;
  }

  get prototypes(): ReadonlyMap<string, object> | undefined {
    return this.#named?.prototypes;
  }

  get toolName(): string {
    return this.#source.info.toolName;
  }

  get guardKey(): string {
    return this.#source.info.key;
  }

  get groups(): readonly string[] {
    return this.#source.info.groups;
  }

  get opaque(): readonly string[] {
    return this.#source.info.opaque;
  }

  get mode(): ApprovalMode {
    return this.#source.info.approval;
  }

  get schema(): StandardSchema | undefined {
    return this.#source.options.schema;
  }

  get approvalTimeoutMs(): number | undefined {
    return this.#source.options.approvalTimeoutMs;
  }

  get knows(): (name: string) => boolean {
    return (name) => this.#source.binding.knows(name);
  }

  get recheck(): (() => string | undefined) | undefined {
    return this.#source.recheck(this.#runtime, this.target, () => this.#argumentsAsCalled(), this.agentId, this.session);
  }

  get onSettled(): ((result: unknown, error: unknown) => unknown) | undefined {
    return this.#source.options.onSettled as ((result: unknown, error: unknown) => unknown) | undefined;
  }

  #argumentsAsCalled(): readonly unknown[] {
    const kept = this.#asCalled as OwnParams;
    const own = kept instanceof ArgumentList ? kept.copy() : copyData(kept);
    return this.#source.binding.toArguments(own, this.#named, this.#count);
  }
}
