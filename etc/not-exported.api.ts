// What exported declarations are made of, and no entry exports. Written by npm run api:update; review what changes here.

// lib/adapter/adk/aegisPlugin
type ContextOf<B extends Plugin> = InstanceType<B> extends {
    beforeToolCallback(call: {
        toolContext: infer C;
    }): unknown;
} ? C : AdkContext;

// lib/adapter/adk/aegisPlugin
type Plugin = abstract new (name: string) => object;

// lib/adapter/ai-sdk
type ContextOf<E> = E extends (input: never, context: infer C) => unknown ? C : never;

// lib/adapter/ai-sdk
type Execute = (input: never, context: never) => unknown;

// lib/adapter/mastra
type ContextOf<E> = E extends (input: never, context: infer C) => unknown ? C : never;

// lib/adapter/mastra
interface Suspendable {
    readonly suspend?: ((payload: never, options?: never) => unknown) | undefined;
    readonly resumeData?: unknown;
    readonly suspendPayload?: unknown;
}

// lib/adapter/mcp-gateway/McpSdk
type TransportClass = new (...args: never[]) => McpTransport;

// lib/adapter/openai-agents/OpenAiTool
type ContextOf<T> = T extends {
    readonly invoke: (runContext: infer R, ...rest: never) => unknown;
} ? R extends {
    readonly context: infer C;
} ? C : never : never;

// lib/approval/task/TaskRecorder
declare class TaskRecorder extends SafeEmitter<TaskEvents> {
    #private;
    constructor(store: TaskStore, options?: TaskRegistryOptions, clock?: SteadyClock);
    get durable(): boolean;
}

// lib/audit/record/AuditRecord
type WithoutPlace<R> = R extends AuditRecord ? Omit<R, 'v' | 'seq' | 'at' | 'writer'> : never;

// lib/guard/GuardOptions
type AnyPending = PendingApproval<any>;

// lib/guard/GuardOptions
type HoldOrWait = "add approval: 'wait' or 'throw', or return Promise<Guarded<T>>";

// lib/guard/GuardOptions
type Holds<R> = R extends Promise<infer T> ? [Extract<T, AnyPending>] extends [never] ? false : PendingApproval<Exclude<T, AnyPending>> extends T ? true : false : false;

// lib/guard/GuardOptions
type IsAny<T> = 0 extends 1 & T ? true : false;

// lib/guard/GuardOptions
type IsUnknown<T> = IsAny<T> extends true ? false : unknown extends T ? true : false;

// lib/guard/GuardOptions
interface ReturnTypeHoldsNoPendingApproval<M, _Fix extends string> {
    readonly approval: M;
}

// lib/guard/GuardOptions
interface ReturnTypeHoldsPendingApproval<M> {
    readonly approval?: M;
}

// lib/guard/GuardOptions
interface ReturnTypeSaysNothing<M, _Fix extends string> {
    readonly approval: M;
}

// lib/guard/GuardOptions
type SayHowCallsWait = "the result is any or unknown, so add approval: 'wait', 'throw' or 'defer'";

// lib/guard/GuardOptions
type SessionData = Readonly<Record<string, unknown>> | (object & {
    readonly [Symbol.hasInstance]?: never;
    readonly [Symbol.iterator]?: never;
    readonly then?: never;
});

// lib/guard/GuardOptions
type Vague<R> = IsAny<R> extends true ? true : R extends Promise<infer T> ? (IsAny<T> extends true ? true : IsUnknown<T>) : false;

// lib/guard/NamingOptions
type BareName<N> = N extends readonly (infer Name)[] ? (Name extends `...${infer Rest}` ? Rest : Name) : never;

// lib/guard/NamingOptions
type GivenNames<A extends readonly unknown[], N> = N extends NamesFor<A> ? N : readonly unknown[] extends A ? readonly string[] : NoInfer<NamesFor<A>>;

// lib/guard/NamingOptions
type GivenOpaque<O, Names> = O extends readonly Names[] ? O : readonly NoInfer<Names>[];

// lib/guard/NamingOptions
type Instance = readonly unknown[] | ((...args: never) => unknown) | Date | RegExp | URL | EventTarget | EventEmitter | {
    readonly [Symbol.toStringTag]: string;
} | {
    readonly [Symbol.iterator]: unknown;
} | {
    readonly [Symbol.asyncIterator]: unknown;
};

// lib/guard/NamingOptions
type IsPlainObject<T> = [T] extends [never] ? false : T extends Instance ? false : T extends object ? true : false;

// lib/guard/NamingOptions
type Named<N, A extends readonly unknown[]> = N extends readonly [infer Name extends string, ...infer Names] ? Name extends `...${infer Rest}` ? {
    readonly [K in Rest]: A;
} : A extends readonly [infer First, ...infer Others] ? {
    readonly [K in Name]: First;
} & Named<Names, Others> : A extends readonly [(infer First)?, ...infer Others] ? {
    readonly [K in Name]?: First | undefined;
} & Named<Names, Others> : unknown : unknown;

// lib/guard/NamingOptions
interface NamedOptions<A extends readonly unknown[], N, O> {
    readonly schema?: StandardSchema<NoInfer<Seen<Named<N, A>, O>>>;
    readonly opaque?: GivenOpaque<O, BareName<N>>;
    readonly plain?: readonly NoInfer<BareName<N>>[];
}

// lib/guard/NamingOptions
interface NoParameters {
    readonly params?: readonly [];
    readonly schema?: undefined;
    readonly opaque?: readonly [];
    readonly plain?: readonly [];
}

// lib/guard/NamingOptions
interface ParametersMayHaveNames<Names> {
    readonly params?: Names;
}

// lib/guard/NamingOptions
interface ParametersNeedNames<Names> {
    readonly params: Names;
}

// lib/guard/NamingOptions
type Seen<Params, O> = O extends readonly [infer _First, ...infer _More] ? {
    readonly [K in keyof Params as Exclude<K, O[number]>]: Params[K];
} : Params;

// lib/guard/NamingOptions
type SoleObject<A extends readonly unknown[]> = Required<A> extends readonly [infer Only] ? IsPlainObject<Exclude<Only, undefined>> extends true ? Exclude<Only, undefined> : never : never;

// lib/guard/NamingOptions
interface SoleObjectOptions<Sole, O> {
    readonly schema?: StandardSchema<NoInfer<Seen<Sole, O>>>;
    readonly opaque?: GivenOpaque<O, (keyof Sole & string) | `...${string}`>;
    readonly plain?: undefined;
}

// lib/guard/guard
type FunctionApproval<R, M> = Vague<R> extends true ? ReturnTypeSaysNothing<M, SayHowCallsWait> : R extends AsyncGenerator<infer _Item, infer _Result, infer _Next> ? StreamsCannotDefer<M, "add approval: 'wait' or 'throw', because a stream cannot return a PendingApproval"> : ReturnTypeHoldsPendingApproval<M>;

// lib/guard/guard
interface StreamsCannotDefer<M, _Fix extends string> {
    readonly approval: M extends 'wait' | 'throw' ? M : 'wait' | 'throw';
}

// lib/guard/guardSync
type Asynchronous = PromiseLike<any> | AsyncGenerator<any, any, any>;

// lib/guard/guardSync
type RefuseAsync<R> = 0 extends 1 & R ? unknown : [Extract<R, Asynchronous>] extends [never] ? unknown : 'guardSync() cannot guard an asynchronous function; use guard()';

// lib/guard/method/guardMetadata
type AnyClass = abstract new (...args: never) => unknown;

// lib/model/Capability
declare const ALL: readonly ['effective-digest', 'types', 'consume', 'begin', 'reevaluate', 'events', 'statuses', 'outcome', 'views', 'amend', 'preview'];

// lib/model/Decision
interface DecisionFields {
    readonly decisionId: string;
    readonly agentId?: string | undefined;
    readonly toolName?: string | undefined;
    readonly requestId?: string | undefined;
    readonly tenantId?: string | undefined;
    readonly reason?: string | undefined;
    readonly violations?: readonly Violation[] | undefined;
    readonly policySetHash?: string | undefined;
    readonly observed?: readonly ObservedPolicy[] | undefined;
    readonly limits?: readonly ObservedPolicy[] | undefined;
    readonly retryAtMs?: number | undefined;
    readonly policyEvaluations?: readonly unknown[] | undefined;
    readonly latencyMs?: number | undefined;
    readonly grantId?: string | undefined;
}

// lib/model/PendingApproval
declare const PENDING_BRAND: unique symbol;

// lib/model/SafeEmitter
type Listener<Events, K extends keyof Events> = (...args: Events[K] extends unknown[] ? Events[K] : never) => unknown;

// lib/model/SafeEmitter
interface SafeEmitter<Events extends Record<keyof Events, unknown[]>> {
    on<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
    addListener<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
    once<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
    off<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
    removeListener<K extends keyof Events & string>(event: K, listener: Listener<Events, K>): this;
}
declare class SafeEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter {
    emit(event: keyof Events & string, ...args: unknown[]): boolean;
}

// lib/model/errors/ServiceErrors
declare abstract class ServiceError extends AegisError {
    readonly status: number | undefined;
    constructor(defaultCode: string, message: string, options?: ServiceErrorOptions);
}

// lib/policy/PolicyEngine
interface Observing {
    readonly limits?: readonly AppliedLimit[] | undefined;
    readonly observed?: readonly AppliedPolicy[] | undefined;
}

// lib/testing/ScriptedDecisionService
type Unnamed<D> = D extends Decision ? Omit<D, 'decisionId'> & {
    readonly decisionId?: string | undefined;
} : never;
