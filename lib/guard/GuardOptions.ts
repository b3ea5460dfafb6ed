import type { PendingApproval } from '../model/PendingApproval.js';
import type { ApprovalMode } from '../model/Task.js';
import type { CallPreview } from '../model/preview/CallPreview.js';
import type { SensitiveOption } from '../model/sensitive/Sensitive.js';
import type { Awaitable } from '../common/awaitable.js';
import type { AegisModule, AegisModuleView } from './module/AegisModule.js';
import type { NamingOptions } from './NamingOptions.js';

/** What can be guarded asynchronously: a method that returns a promise, or an async generator. */
// oxlint-disable-next-line typescript/no-explicit-any -- the member types are inferred elsewhere; `any` keeps every signature assignable
export type Guardable = Promise<any> | AsyncGenerator<any, any, any>;

/** A function with its `this`. */
export type Fn<This, A extends readonly unknown[], R> = (this: This, ...args: A) => R;

type IsAny<T> = 0 extends 1 & T ? true : false;
type IsUnknown<T> = IsAny<T> extends true ? false : unknown extends T ? true : false;
// oxlint-disable-next-line typescript/no-explicit-any -- a PendingApproval of anything
type AnyPending = PendingApproval<any>;
/** Whether a return type names the very handle that mode `defer` may return. */
type Holds<R> =
  R extends Promise<infer T>
    ? [Extract<T, AnyPending>] extends [never]
      ? false
      : PendingApproval<Exclude<T, AnyPending>> extends T
        ? true
        : false
    : false;
/** Whether a return type is, or promises, `any` or `unknown`. */
export type Vague<R> = IsAny<R> extends true ? true : R extends Promise<infer T> ? (IsAny<T> extends true ? true : IsUnknown<T>) : false;

/** The return type is or promises `any` or `unknown`. `_Fix` is read in the compiler's message. */
export interface ReturnTypeSaysNothing<M, _Fix extends string> {
  /** This method's return type does not show whether it may hold a PendingApproval: say how a call waits for a person. */
  readonly approval: M;
}

/** The return type does not hold a PendingApproval of its own result. `_Fix` is read in the compiler's message. */
export interface ReturnTypeHoldsNoPendingApproval<M, _Fix extends string> {
  /** This method's return type cannot hold a PendingApproval: declare Promise<Guarded<T>>, or choose 'wait' or 'throw'. */
  readonly approval: M;
}

/** The return type holds a PendingApproval, as Promise<Guarded<T>> does. */
export interface ReturnTypeHoldsPendingApproval<M> {
  /**
   * How a call waits for a person.
   *
   * @defaultValue `defer`
   */
  readonly approval?: M;
}

/** The fix where a return type says nothing. */
export type SayHowCallsWait = "the result is any or unknown, so add approval: 'wait', 'throw' or 'defer'";
type HoldOrWait = "add approval: 'wait' or 'throw', or return Promise<Guarded<T>>";

/** The modes that a return type allows; `defer` needs one that holds a PendingApproval. */
export type ApprovalOption<R> =
  Vague<R> extends true
    ? ReturnTypeSaysNothing<ApprovalMode, SayHowCallsWait>
    : Holds<R> extends true
      ? ReturnTypeHoldsPendingApproval<ApprovalMode>
      : ReturnTypeHoldsNoPendingApproval<'wait' | 'throw', HoldOrWait>;

/** An object of host data. `object` alone would let functions, lists and promises through. */
type SessionData =
  | Readonly<Record<string, unknown>>
  | (object & { readonly [Symbol.hasInstance]?: never; readonly [Symbol.iterator]?: never; readonly then?: never });

/** The options that every guard takes. */
export interface BaseGuardOptions<This, A extends readonly unknown[], R> {
  /**
   * The agent that calls. A callback gets the instance itself, and a copy of the arguments, as policies and the method see them.
   *
   * @defaultValue the class's `@AegisAgent`, else the module's `agentId`
   */
  readonly agentId?: (string | ((self: NoInfer<This>, args: NoInfer<A>) => string)) | undefined;
  /**
   * The tool that is called: `[A-Za-z0-9_.:/-]{1,128}`.
   *
   * @defaultValue the name of the method
   */
  readonly toolName?: string | undefined;
  /**
   * Names the guard in a durable store, where it must be unique.
   *
   * @defaultValue the tool's name
   */
  readonly key?: string | undefined;
  /** Action groups of the tool, for policies: `action in Aegis::Action::"read"`. */
  readonly groups?: readonly string[] | undefined;
  /** Host data about the person or task behind the call. Computed again just before an approved call runs, and the call does not run if it differs. */
  readonly session?: SessionData | null | ((self: NoInfer<This>, args: NoInfer<A>) => SessionData | null | undefined) | undefined;
  /**
   * In mode `wait`: how long to wait for a person, in milliseconds.
   *
   * @defaultValue until the approval ends
   */
  readonly waitMs?: number | undefined;
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
   * What is not shown to everyone, by JSON pointer into the params, such as `{ '/card/number': 'secret' }`. Policies and the method get the full values, and an
   * approval is for the full values. A person who is not shown all of them has to confirm that.
   *
   * @defaultValue everything is shown
   */
  readonly sensitive?: Readonly<Record<`/${string}`, SensitiveOption>> | undefined;
  /**
   * Says what a call would do, for the person who decides it. It is called only once a person is about to be asked, in this process, with the instance and a
   * copy of the arguments that would run; it must change nothing itself. What it returns is plain data of at most 16 kB in all. Where it fails, the person is
   * told that there is no preview; a policy with `@needs_preview("true")` then denies the call.
   *
   * @defaultValue no preview
   */
  readonly preview?: ((self: NoInfer<This>, args: NoInfer<A>, signal: AbortSignal) => Awaitable<CallPreview>) | undefined;
  /**
   * How long `preview` may take, in milliseconds: up to 30,000. Then its signal is aborted, and the person is asked without one.
   *
   * @defaultValue 2,000
   */
  readonly previewTimeoutMs?: number | undefined;
  /** Aborts the call while it is decided and, in mode `wait`, while it waits. An approval that was handed out is cancelled by its handle. */
  readonly signal?: AbortSignal | ((self: NoInfer<This>, args: NoInfer<A>) => AbortSignal | undefined) | undefined;
  /** Called once for each approval, when it ends: with the result, or with the error. What it throws is reported, and changes nothing. */
  readonly onSettled?: (result: Settled<R> | undefined, error: unknown) => unknown;
  /**
   * Whether the method may safely run again after a crash. Otherwise it runs at most once.
   *
   * @defaultValue false
   */
  readonly idempotent?: boolean | undefined;
  /**
   * The module that guards.
   *
   * @defaultValue that of the class's `@AegisAgent`, else `AegisModule.current`
   */
  readonly module?: (AegisModule | AegisModuleView | ((self: NoInfer<This>) => AegisModule | AegisModuleView)) | undefined;
}

/** The result of a call, without the handle that it may return first. */
export type Settled<R> = NoInfer<Exclude<Awaited<R>, AnyPending>>;

/** All options of a guard on a method or function of these types. */
export type GuardOptions<This, A extends readonly unknown[], R, N, O = unknown> = BaseGuardOptions<This, A, R> &
  NamingOptions<A, N, O> &
  ApprovalOption<R>;
