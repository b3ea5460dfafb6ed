import type { Session } from '../model/Params.js';
import type { CallSnapshot, SnapshotLimits } from '../model/snapshot.js';
import type { ApprovalMode } from '../model/Task.js';
import type { CallToDecide, OwnParams } from './GuardedCall.js';
import type { GuardInfo } from './guardMetadata.js';
import type { GuardRuntime } from './GuardRuntime.js';
import type { LooseGuardOptions } from './LooseGuardOptions.js';
import type { NamedArguments, ParamsBinding } from './ParamsBinding.js';
import type { StandardSchema } from './StandardSchema.js';

export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** The guard that a call belongs to. */
export interface CallSource {
  readonly info: GuardInfo;
  readonly options: LooseGuardOptions;
  readonly binding: ParamsBinding;
  /** Whether agent or session are computed from the arguments. */
  readonly computesCaller: boolean;
  recheck(
    runtime: GuardRuntime,
    self: unknown,
    args: readonly unknown[],
    agentId: string,
    session: Session | null,
  ): (() => string | undefined) | undefined;
}

const NONE: readonly unknown[] = [];

/** One call of a guarded function. What the guard knows anyway, and what only an approval needs, is looked up when asked for. */
export class MethodCall implements CallToDecide {
  readonly guard: CallSource;
  readonly target: unknown;
  readonly agentId: string;
  readonly session: Session | null;
  readonly signal: AbortSignal | undefined;
  readonly #fn: AnyFunction;
  readonly #runtime: GuardRuntime;
  readonly #named: NamedArguments | undefined;
  readonly #count: number;
  #args: readonly unknown[];

  constructor(
    guard: CallSource,
    fn: AnyFunction,
    runtime: GuardRuntime,
    target: unknown,
    args: readonly unknown[],
    named: NamedArguments | undefined,
    agentId: string,
    session: Session | null,
    signal: AbortSignal | undefined,
  ) {
    this.guard = guard;
    this.target = target;
    this.agentId = agentId;
    this.session = session;
    this.signal = signal;
    this.#fn = fn;
    this.#runtime = runtime;
    this.#args = args;
    this.#count = guard.binding.count(args);
    this.#named = named;
  }

  takeSnapshot(limits: SnapshotLimits): CallSnapshot {
    const { binding, computesCaller } = this.guard;
    const snapshot = binding.takeSnapshot(this.#args, this.#named, limits);
    // a call may wait for days: the caller's own arguments are kept only where a callback will be asked again
    if (!computesCaller) this.#args = NONE;
    return snapshot;
  }

  run(own: OwnParams): unknown {
    return Reflect.apply(this.#fn, this.target, this.guard.binding.toArguments(own, this.#named, this.#count));
  }

  get toolName(): string {
    return this.guard.info.toolName;
  }

  get guardKey(): string {
    return this.guard.info.key;
  }

  get groups(): readonly string[] {
    return this.guard.info.groups;
  }

  get opaque(): readonly string[] {
    return this.guard.info.opaque;
  }

  get mode(): ApprovalMode {
    return this.guard.info.approval;
  }

  get schema(): StandardSchema | undefined {
    return this.guard.options.schema;
  }

  get approvalTimeoutMs(): number | undefined {
    return this.guard.options.approvalTimeoutMs;
  }

  get knows(): (name: string) => boolean {
    return (name) => this.guard.binding.knows(name);
  }

  get recheck(): (() => string | undefined) | undefined {
    return this.guard.recheck(this.#runtime, this.target, this.#args, this.agentId, this.session);
  }

  get onSettled(): ((result: unknown, error: unknown) => unknown) | undefined {
    return this.guard.options.onSettled as ((result: unknown, error: unknown) => unknown) | undefined;
  }
}
