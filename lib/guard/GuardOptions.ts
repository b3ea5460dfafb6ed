import type { PendingApproval } from '../model/PendingApproval.js';
import type { ApprovalMode } from '../model/Task.js';
import type { AegisModule, AegisModuleView } from './AegisModule.js';
import type { StandardSchema } from './StandardSchema.js';

/** What can be guarded asynchronously: a method that returns a promise, or an async generator. */
// oxlint-disable-next-line typescript/no-explicit-any -- the member types are inferred elsewhere; `any` keeps every signature assignable
export type Guardable = Promise<any> | AsyncGenerator<any, any, any>;

/** A function with its `this`. */
export type Fn<This, A extends readonly unknown[], R> = (this: This, ...args: A) => R;

/** One name for each parameter; a rest parameter is named `'...name'`. */
export type NamesFor<A extends readonly unknown[]> = A extends readonly []
  ? readonly []
  : Required<A> extends readonly [unknown, ...infer Rest]
    ? readonly [string, ...NamesFor<Rest>]
    : readonly [`...${string}`];

/** Classes whose instances are no plain object, so that their keys cannot be names. */
type BuiltIn =
  Date | Map<never, never> | Set<never> | WeakMap<never, never> | RegExp | Promise<unknown> | URL | ArrayBuffer | ArrayBufferView;

type IsPlainObject<T> = [T] extends [never]
  ? false
  : T extends readonly unknown[] | ((...args: never) => unknown) | string | number | boolean | bigint | symbol | null | undefined | BuiltIn
    ? false
    : T extends object
      ? true
      : false;

/** The object that names and parameters make together: what a schema validates. */
type Named<N, A extends readonly unknown[]> = N extends readonly [infer Name extends string, ...infer Names]
  ? Name extends `...${infer Rest}`
    ? { readonly [K in Rest]: A }
    : A extends readonly [infer First, ...infer Others]
      ? { readonly [K in Name]: First } & Named<Names, Others>
      : A extends readonly [(infer First)?, ...infer Others]
        ? { readonly [K in Name]?: First } & Named<Names, Others>
        : unknown
  : unknown;

/** How the arguments get names: not at all where there are none, by their own keys where there is one plain object, else by `params`. */
export type NamingOptions<A extends readonly unknown[], N> = A extends readonly []
  ? { readonly params?: readonly []; readonly schema?: undefined }
  : Required<A> extends readonly [infer Only]
    ? IsPlainObject<NonNullable<Only>> extends true
      ? { readonly params?: N & NamesFor<A>; readonly schema?: StandardSchema<NonNullable<Only>> }
      : { readonly params: N & NamesFor<A>; readonly schema?: StandardSchema<Named<N, A>> }
    : { readonly params: N & NamesFor<A>; readonly schema?: StandardSchema<Named<N, A>> };

type IsAny<T> = 0 extends 1 & T ? true : false;
type IsUnknown<T> = IsAny<T> extends true ? false : unknown extends T ? true : false;
// oxlint-disable-next-line typescript/no-explicit-any -- a PendingApproval of anything
type Holds<R> = R extends Promise<infer T> ? ([Extract<T, PendingApproval<any>>] extends [never] ? false : true) : false;
type Vague<R> = IsAny<R> extends true ? true : R extends Promise<infer T> ? (IsAny<T> extends true ? true : IsUnknown<T>) : false;

/** The modes a return type can bear; `defer` needs one that holds a PendingApproval. */
export type ApprovalOption<R> =
  Vague<R> extends true
    ? {
        /** This method's return type says nothing: say how a call waits for a person. */
        readonly approval: ApprovalMode;
      }
    : Holds<R> extends true
      ? {
          /** How a call waits for a person. Default `defer`. */
          readonly approval?: ApprovalMode;
        }
      : {
          /** This method's return type cannot hold a PendingApproval: declare Promise<Guarded<T>>, or choose 'wait' or 'throw'. */
          readonly approval: 'wait' | 'throw';
        };

/** What a guard takes whatever it stands on. */
export interface BaseGuardOptions<This, A extends readonly unknown[], R> {
  /** Who calls. Default: the class's `@AegisAgent`, then the module's `agentId`. */
  readonly agentId?: string | ((self: NoInfer<This>, args: NoInfer<A>) => string);
  /** Which tool is called: `[A-Za-z0-9_.:/-]{1,128}`. Default: the method's name. */
  readonly toolName?: string;
  /** Unique among durable guards. Default: the tool's name. */
  readonly key?: string;
  /** Action groups of the tool, for policies: `action in Aegis::Action::"read"`. */
  readonly groups?: readonly string[];
  /** Parameters handed on as they are, by reference: streams, clients, callbacks. No decision sees them. */
  readonly opaque?: readonly string[];
  /** Parameters that are class instances whose own data is decided on; the method gets an instance of the same class. */
  readonly plain?: readonly string[];
  /** Host data about who is behind the call. Computed again just before an approved call runs; another session never runs it. */
  readonly session?: object | null | ((self: NoInfer<This>, args: NoInfer<A>) => object | null | undefined);
  /** In mode `wait`: how long to wait for a person, in milliseconds. Default: until the approval ends. */
  readonly waitMs?: number;
  /** How long an approval may take, in milliseconds. Default: the module's `approvalTimeoutMs`. */
  readonly approvalTimeoutMs?: number;
  /** Aborts the call while it has not started. */
  readonly signal?: AbortSignal | ((self: NoInfer<This>, args: NoInfer<A>) => AbortSignal | undefined);
  /** Called once for each approval, at every end: with the result, or with what went wrong. What it throws is reported, and changes nothing. */
  readonly onSettled?: (result: Settled<R> | undefined, error: unknown) => unknown;
  /** The method may safely run again after a crash. Default false: at most once. */
  readonly idempotent?: boolean;
  /** The module that guards. Default: the class's `@AegisAgent`, then `AegisModule.current`. */
  readonly module?: AegisModule | AegisModuleView | ((self: NoInfer<This>) => AegisModule | AegisModuleView);
}

/** What a call results in, without the handle it may return first. */
// oxlint-disable-next-line typescript/no-explicit-any -- a PendingApproval of anything
export type Settled<R> = NoInfer<Exclude<Awaited<R>, PendingApproval<any>>>;

/** All options of a guard on a method or function of these types. */
export type GuardOptions<This, A extends readonly unknown[], R, N> = BaseGuardOptions<This, A, R> & NamingOptions<A, N> & ApprovalOption<R>;
