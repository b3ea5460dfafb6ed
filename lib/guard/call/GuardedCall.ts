import type { Awaitable } from '../../common/awaitable.js';
import type { Decision } from '../../model/Decision.js';
import type { AegisError } from '../../model/AegisError.js';
import type { Params, Session } from '../../model/Params.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { CallSnapshot, SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { ApprovalMode } from '../../model/Task.js';
import type { StandardSchema } from './StandardSchema.js';

/** One call to be guarded, whoever makes it: the decorator, `guard()`, or an adapter of a framework. */
export interface GuardedCall<R = unknown> {
  readonly agentId: string;
  readonly toolName: string;
  /** The arguments by name. Read once, here; the method gets a copy. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Default: the tool's name. */
  readonly guardKey?: string | undefined;
  readonly session?: Session | null | undefined;
  readonly groups?: readonly string[] | undefined;
  /** Names of parameters that are not in `params` because no decision sees them. */
  readonly opaque?: readonly string[] | undefined;
  /** Names that a sanitize may use beside those of this call. Without a schema, any other is refused. */
  readonly knows?: ((name: string) => boolean) | undefined;
  /** Checks the params before the decision and again after a sanitize. */
  readonly schema?: StandardSchema | undefined;
  /**
   * What the schema checks: `every` params, before the decision and after a sanitize, or only `sanitized` ones, where the caller has checked the arguments
   * already, as a framework does before it calls a tool.
   *
   * @defaultValue `every`
   */
  readonly schemaAppliesTo?: 'every' | 'sanitized' | undefined;
  /** Recorded in the task. Default `wait`. */
  readonly mode?: ApprovalMode | undefined;
  readonly approvalTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The guard: equal calls of one guard on one `target` join while one is pending. Without it none joins. */
  readonly guard?: object | undefined;
  readonly target?: unknown;
  /** Says, just before an approved call runs, why it may not any more. */
  readonly recheck?: (() => string | undefined) | undefined;
  readonly onSettled?: ((result: R | undefined, error: unknown) => unknown) | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * For mode `throw` on a durable store: an equal call of another process redeems the approval if it has the same `guardKey` and says the same here, such as a
   * version of the tool's parameters. Without it the approval ends with its process.
   */
  readonly signature?: string | undefined;
  /**
   * Whether a guarded method that this call enters at once, with the same agent, tool, params and session, is decided with it: an adapter and a decorator
   * on one tool ask once. Default false.
   */
  readonly covers?: boolean | undefined;
}

/** Enters the method, with its own copy of the params it may run with. */
export type RunGuarded<R> = (params: Params) => R;

/** What a call may run with: params by name, or the positional arguments as they were taken. */
export type OwnParams = CallSnapshot['value'];

/** A {@link GuardedCall} that takes its own snapshot. */
export interface CallFacts<R = unknown> extends Omit<GuardedCall<R>, 'params'> {
  /** @throws UnsupportedParamError */
  takeSnapshot(limits: SnapshotLimits): CallSnapshot;
  /** The param that has to be a list, because it stands for the arguments from there on. */
  readonly rest?: string | undefined;
  /** How many arguments the caller gave. */
  readonly argumentCount?: number | undefined;
  readonly idempotent?: boolean | undefined;
  /** The task that this call retries. */
  readonly retryOf?: string | undefined;
  /** Prototypes of arguments that are instances, by name: their digest does not tell them apart. */
  readonly prototypes?: ReadonlyMap<string, object> | undefined;
}

/** {@link CallFacts} with what is to be run. An object with methods: an approval keeps it, and closures would cost more than the rest of it. */
export interface CallToDecide<R = unknown> extends CallFacts<Awaited<R>> {
  /** Enters the method, with its own copy of what it may run with. */
  run(own: OwnParams): R;
}

/** It ran, in the method. What the method returned may be a promise. */
export interface RunOutcome<R> {
  readonly kind: 'ran';
  readonly value: R;
  readonly decision: Decision;
  /** What it ran with. */
  readonly own: OwnParams;
}

/** How a call ended, or that it has not yet. */
export type CallOutcome<R> = RunOutcome<R> | DeniedOutcome | PendingOutcome<Awaited<R>>;

/** It ran. */
export interface RanOutcome<R> {
  readonly kind: 'ran';
  readonly value: R;
  readonly decision: Decision;
  /** The params it ran with. */
  readonly params: Params;
}

/** It did not run. */
export interface DeniedOutcome {
  readonly kind: 'denied';
  readonly error: AegisError;
  readonly decision: Decision | undefined;
}

/** A person has to decide. The task is recorded and nothing is scheduled: choose one. */
export interface PendingOutcome<R> {
  readonly kind: 'pending';
  readonly pending: PendingApproval<R>;
  /** The call's own AbortSignal. */
  readonly signal: AbortSignal | undefined;
  /** Whether an equal call was pending already and this one joined it. */
  readonly joined: boolean;
  /** Runs it in the background once it is approved. */
  schedule(): PendingApproval<R>;
  /** Waits until it has run. An abort (by default of the call's own signal) or `waitMs` ends the approval, unless it was decided first. Rejects as `pending.completed` does. */
  wait(options?: { readonly waitMs?: number | undefined; readonly signal?: AbortSignal | undefined }): Promise<R>;
  /**
   * Asks once where it stands: runs it now if it is approved, and settles to `undefined` while nobody has decided. With `atOnce` it does not run where
   * the answer comes later: a caller that cannot wait finds it approved the next time.
   */
  resume(options?: { readonly atOnce?: boolean }): Awaitable<{ readonly value: R } | undefined>;
  cancel(): Promise<boolean>;
}

/** How a guarded call ended, or that it has not yet. */
export type GuardOutcome<R> = RanOutcome<R> | DeniedOutcome | PendingOutcome<Awaited<R>>;
