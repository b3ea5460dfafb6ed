import type { Awaitable } from '../../common/awaitable.js';
import type { Decision, DecisionRequest } from '../../model/Decision.js';
import type { AegisError } from '../../model/AegisError.js';
import type { Params, Session } from '../../model/Params.js';
import type { PendingApproval } from '../../model/PendingApproval.js';
import type { CallSnapshot, SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { ApprovalMode } from '../../model/Task.js';
import type { CallPreview, PreviewOutcome } from '../../model/preview/CallPreview.js';
import type { Sensitive, SensitiveOption } from '../../model/sensitive/Sensitive.js';
import type { StandardSchema } from './StandardSchema.js';

/** One call to be guarded, as `guardCall()` takes it. */
export interface GuardedCall<R = unknown> {
  /** Who calls: 1 to 256 characters. */
  readonly agentId: string;
  /** Which tool is called: `[A-Za-z0-9_.:/-]{1,128}`. */
  readonly toolName: string;
  /** The arguments by name. They are read once, at the call; the method gets a copy. */
  readonly params: Readonly<Record<string, unknown>>;
  /**
   * Names the guard in a durable store.
   *
   * @defaultValue the tool's name
   */
  readonly guardKey?: string | undefined;
  /** Host data about who is behind the call. Default: none. */
  readonly session?: Session | null | undefined;
  /** Action groups of the tool, for policies. Default: none. */
  readonly groups?: readonly string[] | undefined;
  /** Names of parameters that are not in `params` because no decision sees them. */
  readonly opaque?: readonly string[] | undefined;
  /** Says whether a sanitize may set a parameter that this call does not have. Without a schema, any other name is refused. */
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
  /**
   * How the call waits for a person; recorded in its task.
   *
   * @defaultValue `wait`
   */
  readonly mode?: ApprovalMode | undefined;
  /**
   * How long an approval may take, in milliseconds.
   *
   * @defaultValue the module's `approvalTimeoutMs`
   */
  readonly approvalTimeoutMs?: number | undefined;
  /**
   * What a Data Plane sees of BigInts and Dates: `string` for their text, also where it could tell them apart from text. Policies then compare texts, and a
   * Data Plane without the capability `types` may decide the call.
   *
   * @defaultValue their own types
   */
  readonly wireTypes?: 'string' | undefined;
  /**
   * What is not shown to everyone, by JSON pointer into the params, as the option of a guard has it.
   *
   * @defaultValue everything is shown
   */
  readonly sensitive?: Readonly<Record<string, SensitiveOption>> | undefined;
  /**
   * Says what the call would do, for the person who decides it, as the option of a guard does. It is called only once a person is about to be asked, with a
   * copy of the params that would run.
   *
   * @defaultValue no preview
   */
  readonly preview?: ((params: Params, signal: AbortSignal) => Awaitable<CallPreview>) | undefined;
  /**
   * How long `preview` may take, in milliseconds: up to 30,000.
   *
   * @defaultValue 2,000
   */
  readonly previewTimeoutMs?: number | undefined;
  /** Aborts the call while it is decided. */
  readonly signal?: AbortSignal | undefined;
  /** Names the guard: while a call is pending, duplicate calls of the same guard on the same `target` share its approval. Without it none does. */
  readonly guard?: object | undefined;
  /** The instance that the method runs on; calls on different instances are not duplicates. */
  readonly target?: unknown;
  /** Called just before an approved call runs: a text that it returns says why the call must no longer run. */
  readonly recheck?: (() => string | undefined) | undefined;
  /** Called once for each approval, when it ends: with the result, or with what went wrong. */
  readonly onSettled?: ((result: R | undefined, error: unknown) => unknown) | undefined;
  /** Kept in the task. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * For mode `throw` on a durable store: a duplicate call of another process redeems the approval if its `guardKey` and `signature` are the same. A
   * version of the tool's parameters is a good signature. Without one the approval ends with its process.
   */
  readonly signature?: string | undefined;
  /**
   * Whether a guarded method that this call enters at once, with the same agent, tool, params and session, reuses the decision on this call: an adapter
   * and a decorator on the same tool then ask once.
   *
   * @defaultValue false
   */
  readonly covers?: boolean | undefined;
}

/** Runs the method, with a copy of the params that only the method has. */
export type RunGuarded<R> = (params: Params) => R;

/** What a call may run with: params by name, or the positional arguments as the snapshot has them. */
export type OwnParams = CallSnapshot['value'];

/** A {@link GuardedCall} that takes its own snapshot. */
export interface CallFacts<R = unknown> extends Omit<GuardedCall<R>, 'params' | 'sensitive' | 'preview' | 'previewTimeoutMs'> {
  /** What is not shown to everyone. */
  readonly sensitive?: Sensitive | undefined;
  /** Says what the call would do. @throws CallAbortedError where its caller has gone */
  readonly preview?: ((request: DecisionRequest, params: Params) => Awaitable<PreviewOutcome>) | undefined;
  /** Copies the arguments. @throws UnsupportedParamError */
  takeSnapshot(limits: SnapshotLimits): CallSnapshot;
  /** The rest parameter, whose value must be a list. */
  readonly rest?: string | undefined;
  /** How many arguments the caller gave. */
  readonly argumentCount?: number | undefined;
  readonly idempotent?: boolean | undefined;
  /** Asked in the tick of the entry: an error that it returns stops the call. */
  readonly lastLook?: (() => AegisError | undefined) | undefined;
  /** The binding of a call that was stored, which its approval was given for. */
  readonly bindingBase?: string | undefined;
  /** The task that this call retries. */
  readonly retryOf?: string | undefined;
  /** Prototypes of arguments that are instances, by name: digests do not tell classes apart. */
  readonly prototypes?: ReadonlyMap<string, object> | undefined;
}

/** {@link CallFacts} with the method. An object with methods: an approval keeps it, and closures would cost more than the rest of it. */
export interface CallToDecide<R = unknown> extends CallFacts<Awaited<R>> {
  /** Invokes the method. Only the entry gate may call this: nothing is checked here. */
  invokeMethod(effectiveParams: OwnParams): R;
  /** What an approval keeps of the call: one object for all waiting calls that differ in their params only. Without it, the call itself is kept. */
  kept?(): CallToDecide<R>;
}

/** The method was entered. What it returned may be a promise. */
export interface RunOutcome<R> {
  readonly kind: 'ran';
  readonly value: R;
  readonly decision: Decision;
  /** What it ran with. */
  readonly effectiveParams: OwnParams;
}

/** How a call ended, or that a person has to decide first. */
export type CallOutcome<R> = RunOutcome<R> | DeniedOutcome | PendingOutcome<Awaited<R>>;

/** The method ran. */
export interface RanOutcome<R> {
  /** Tells it from the other outcomes. */
  readonly kind: 'ran';
  /** What the method returned. */
  readonly value: R;
  /** The decision that let it run. */
  readonly decision: Decision;
  /** The params it ran with. */
  readonly params: Params;
}

/** The method did not run. */
export interface DeniedOutcome {
  /** Tells it from the other outcomes. */
  readonly kind: 'denied';
  /** Why the method was not entered. */
  readonly error: AegisError;
  /** The decision, where there was one. */
  readonly decision: Decision | undefined;
}

/** A person has to decide. The task is recorded, and nothing is scheduled yet: call one of the methods. */
export interface PendingOutcome<R> {
  /** Tells it from the other outcomes. */
  readonly kind: 'pending';
  /** The handle of the approval. */
  readonly pending: PendingApproval<R>;
  /** The call's own AbortSignal. */
  readonly signal: AbortSignal | undefined;
  /** Whether a duplicate call was pending already, so that this one shares its approval. */
  readonly deduplicated: boolean;
  /** Runs the call in the background once it is approved. */
  schedule(): PendingApproval<R>;
  /**
   * Waits until the call has run. An abort (by default of the call's own signal) or `waitMs` (milliseconds) ends the approval, unless it was decided first.
   * Rejects as `pending.completed` does.
   */
  wait(options?: { readonly waitMs?: number | undefined; readonly signal?: AbortSignal | undefined }): Promise<R>;
  /**
   * Asks once for the approval's status: runs the call now if it is approved, and settles to `undefined` while no one has decided. With `atOnce` the call
   * does not run where the answer comes later: a caller that cannot wait finds it approved the next time.
   */
  resume(options?: { readonly atOnce?: boolean }): Awaitable<{ readonly value: R } | undefined>;
  /** Cancels the approval. Settles to false where it had ended already. */
  cancel(): Promise<boolean>;
}

/** How a guarded call ended, or that a person has to decide first. */
export type GuardOutcome<R> = RanOutcome<R> | DeniedOutcome | PendingOutcome<Awaited<R>>;
