// What 'aegislib/guard' exports. Written by npm run api:update; review what changes here.

export interface AmendedEvent {
    readonly kind: 'amended';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly by: string;
    readonly from: string;
    readonly to: string;
    readonly changed: readonly string[];
    readonly reason?: string | undefined;
}

export type ApprovalOption<R> = Vague<R> extends true ? ReturnTypeSaysNothing<ApprovalMode, SayHowCallsWait> : Holds<R> extends true ? ReturnTypeHoldsPendingApproval<ApprovalMode> : ReturnTypeHoldsNoPendingApproval<'wait' | 'throw', HoldOrWait>;

export interface ApprovalSchedulerOptions {
    readonly decisions: DecisionService;
    readonly registry: TaskRegistry;
    readonly polling: ApprovalPolling;
    readonly maxConcurrentPolls?: number | undefined;
    readonly leaseMs?: number | undefined;
    readonly keepAlive?: boolean | undefined;
    readonly clock?: SteadyClock | undefined;
    readonly random?: (() => number) | undefined;
    readonly logger?: Logger | undefined;
}

export type Audience = 'approver' | 'log' | 'model' | 'audit';

export type AudienceViews = Readonly<Record<Audience, View>>;

export interface AutoHaltOptions {
    readonly after: number;
    readonly withinMs: number;
    readonly forMs?: number | undefined;
    readonly pending?: 'freeze' | 'cancel' | undefined;
}

export interface BaseGuardOptions<This, A extends readonly unknown[], R> {
    readonly agentId?: (string | ((self: NoInfer<This>, args: NoInfer<A>) => string)) | undefined;
    readonly toolName?: string | undefined;
    readonly key?: string | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly session?: SessionData | null | ((self: NoInfer<This>, args: NoInfer<A>) => SessionData | null | undefined) | undefined;
    readonly waitMs?: number | undefined;
    readonly approvalTimeoutMs?: number | undefined;
    readonly wireTypes?: 'string' | undefined;
    readonly sensitive?: Readonly<Record<`/${string}`, SensitiveOption>> | undefined;
    readonly preview?: ((self: NoInfer<This>, args: NoInfer<A>, signal: AbortSignal) => Awaitable<CallPreview>) | undefined;
    readonly previewTimeoutMs?: number | undefined;
    readonly signal?: AbortSignal | ((self: NoInfer<This>, args: NoInfer<A>) => AbortSignal | undefined) | undefined;
    readonly onSettled?: (result: Settled<R> | undefined, error: unknown) => unknown;
    readonly idempotent?: boolean | undefined;
    readonly module?: (AegisModule | AegisModuleView | ((self: NoInfer<This>) => AegisModule | AegisModuleView)) | undefined;
}

export interface BegunEvent {
    readonly kind: 'begun';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
}

export interface CallPreview {
    readonly summary: string;
    readonly changes?: readonly PreviewChange[] | undefined;
    readonly reversible: Reversibility;
}

export interface ClearAge {
    readonly maxAgeMs?: number | undefined;
    readonly maxAgeSeconds?: number | undefined;
}

export interface ConsumedEvent {
    readonly kind: 'consumed';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
}

export interface DecidedEvent {
    readonly kind: 'decided';
    readonly request: DecisionRequest;
    readonly decision: Decision;
    readonly dryRun?: true | undefined;
    readonly approvalId?: string | undefined;
    readonly durationMs?: number | undefined;
}

export interface DeniedOutcome {
    readonly kind: 'denied';
    readonly error: AegisError;
    readonly decision: Decision | undefined;
}

export interface EndedEvent {
    readonly kind: 'ended';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly how: 'expired' | 'withdrawn';
}

export interface EnteringEvent {
    readonly kind: 'entering';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly taskId?: string | undefined;
    readonly token?: string | undefined;
    readonly params: Params;
    readonly reused?: true | undefined;
    readonly idempotent?: true | undefined;
}

export interface EscalatedEvent {
    readonly kind: 'escalated';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly groups: readonly string[];
    readonly afterMs: number;
}

export type Fn<This, A extends readonly unknown[], R> = (this: This, ...args: A) => R;

export interface GrantEvent {
    readonly kind: 'grant';
    readonly how: 'made' | 'revoked';
    readonly grantId: string;
    readonly agentId: string;
    readonly toolName: string;
    readonly by: string;
    readonly decisionId: string;
    readonly maxUses?: number | undefined;
    readonly expiresAtMs?: number | undefined;
    readonly lifts?: readonly {
        readonly id: string;
        readonly hash: string;
    }[] | undefined;
    readonly reason?: string | undefined;
}

export interface GuardDecorator<This, A extends readonly unknown[], R> {
    (target: object, key: string | symbol, descriptor: {
        value?: Fn<This, A, R>;
    }): any;
    (value: Fn<This, A, R>, context: ClassMethodDecoratorContext<This, Fn<This, A, R>>): any;
}

export type { GuardOptions } from 'aegislib';

export type { GuardOutcome } from 'aegislib';

export type Guardable = Promise<any> | AsyncGenerator<any, any, any>;

export type { GuardedCall } from 'aegislib';

export interface Halt {
    readonly id: string;
    readonly scope: HaltScope;
    readonly pending: 'freeze' | 'cancel';
    readonly by: string;
    readonly reason: string;
    readonly atMs: number;
    readonly untilMs?: number | undefined;
    readonly lifted?: HaltLift | undefined;
}

export interface HaltEvent {
    readonly kind: 'halt';
    readonly how: 'halted' | 'lifted' | 'over';
    readonly haltId: string;
    readonly scope: HaltScope;
    readonly pending: 'freeze' | 'cancel';
    readonly untilMs?: number | undefined;
    readonly by: string;
    readonly reason: string;
}

export interface HaltEvents {
    halted: [Halt];
    lifted: [Halt];
}

export interface HaltLift {
    readonly by: string;
    readonly reason: string;
    readonly atMs: number;
}

export interface HaltOrder {
    readonly by: string;
    readonly reason: string;
    readonly pending?: 'freeze' | 'cancel' | undefined;
    readonly untilMs?: number | undefined;
}

export interface HaltScope {
    readonly all?: true | undefined;
    readonly agentId?: string | undefined;
    readonly toolName?: string | undefined;
    readonly group?: string | undefined;
}

export declare class Halts extends SafeEmitter<HaltEvents> {
    #private;
    halt(scope: HaltScope, order: HaltOrder): Promise<OrderedHalt>;
    lift(id: string, order: LiftOrder): Promise<Halt>;
    list(options?: {
        readonly all?: boolean | undefined;
    }): Promise<readonly Halt[]>;
}

export interface Journal {
    note(event: JournalEvent): void;
    before?(event: EnteringEvent): Awaitable<void>;
    traceparent?(): string | undefined;
}

export type JournalEvent = DecidedEvent | TaskEvent | OpenedEvent | RemindedEvent | EscalatedEvent | VerdictEvent | AmendedEvent | GrantEvent | ConsumedEvent | BegunEvent | EndedEvent | EnteringEvent | SettledEvent | PoliciesEvent | HaltEvent | SecurityEvent;

export interface LegacyGuardDecorator<This, A extends readonly unknown[], R> {
    (target: This, key: string | symbol, descriptor: {
        value?: Fn<This, A, R>;
    }): any;
}

export type LiftOrder = Pick<HaltOrder, 'by' | 'reason'>;

export type NamesFor<A extends readonly unknown[]> = number extends A['length'] ? Required<A> extends readonly [unknown, ...infer Rest] ? readonly [string, ...NamesFor<Rest>] : readonly [`...${string}`] : {
    readonly [K in keyof A]-?: string;
};

export type NamingOptions<A extends readonly unknown[], N, O = unknown> = A extends readonly [] ? NoParameters : [SoleObject<A>] extends [never] ? ParametersNeedNames<GivenNames<A, N>> & NamedOptions<A, N, O> : ParametersMayHaveNames<GivenNames<A, N>> & (unknown extends N ? SoleObjectOptions<SoleObject<A>, O> : NamedOptions<A, N, O>);

export interface OpenedEvent {
    readonly kind: 'opened';
    readonly task: PendingTask;
}

export interface OrderedHalt extends Halt {
    readonly executing: readonly TaskSummary[];
}

export interface PendingOutcome<R> {
    readonly kind: 'pending';
    readonly pending: PendingApproval<R>;
    readonly signal: AbortSignal | undefined;
    readonly deduplicated: boolean;
    schedule(): PendingApproval<R>;
    wait(options?: {
        readonly waitMs?: number | undefined;
        readonly signal?: AbortSignal | undefined;
    }): Promise<R>;
    resume(options?: {
        readonly atOnce?: boolean;
    }): Awaitable<{
        readonly value: R;
    } | undefined>;
    cancel(): Promise<boolean>;
}

export interface PoliciesEvent {
    readonly kind: 'policies';
    readonly hash: string;
    readonly previousHash?: string | undefined;
    readonly by?: string | undefined;
}

export interface PreviewChange {
    readonly what: string;
    readonly before?: unknown;
    readonly after?: unknown;
}

export interface RanOutcome<R> {
    readonly kind: 'ran';
    readonly value: R;
    readonly decision: Decision;
    readonly params: Params;
}

export interface RemindedEvent {
    readonly kind: 'reminded';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly groups: readonly string[];
    readonly percent: 50 | 80;
}

export type Reversibility = 'read-only' | 'reversible' | 'external' | 'irreversible';

export type RunGuarded<R> = (params: Params) => R;

export interface SecurityEvent {
    readonly kind: 'security';
    readonly diagnostic: Extract<Diagnostic, {
        readonly kind: 'security';
    }>;
}

export type Sensitive = Readonly<Record<string, AudienceViews>>;

export type SensitiveOption = 'secret' | 'personal' | {
    readonly approver?: View | undefined;
    readonly log?: View | undefined;
    readonly model?: View | undefined;
    readonly audit?: View | undefined;
};

export type Settled<R> = NoInfer<Exclude<Awaited<R>, AnyPending>>;

export interface SettledEvent {
    readonly kind: 'settled';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly taskId?: string | undefined;
    readonly outcome: 'completed' | 'failed' | 'unknown' | 'withheld';
}

export type StandardResult<Output> = {
    readonly value: Output;
    readonly issues?: undefined;
} | {
    readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | {
            readonly key: PropertyKey;
        })[] | undefined;
    }[];
};

export interface StandardSchema<Output = unknown> {
    readonly '~standard': {
        readonly version: 1;
        readonly vendor: string;
        readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
        readonly types?: {
            readonly input: unknown;
            readonly output: Output;
        } | undefined;
    };
}

export interface TaskEvent {
    readonly kind: 'task';
    readonly task: Task;
    readonly from: TaskStatus | undefined;
}

export interface TaskRegistryOptions {
    readonly maxPending?: number | undefined;
    readonly maxPendingBytes?: number | undefined;
    readonly maxPendingBytesPerTool?: number | undefined;
    readonly maxFinished?: number | undefined;
    readonly maxFinishedBytes?: number | undefined;
    readonly finishedTtlMs?: number | undefined;
}

export interface VerdictEvent {
    readonly kind: 'verdict';
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly by: string;
    readonly approved: boolean;
    readonly status: string;
    readonly digest: string;
    readonly reason?: string | undefined;
}

export type View = 'full' | 'last4' | 'domain' | 'length' | 'hidden';
