// What 'aegislib' exports. Written by npm run api:update; review what changes here.

export declare function AegisAgent(agentId: string, options?: AegisAgentOptions): <T extends abstract new (...args: never) => object>(target: T, context?: ClassDecoratorContext<T>) => void;

export interface AegisAgentOptions {
    readonly module?: AegisModule | AegisModuleView | undefined;
    readonly onUnguardedOverride?: 'throw' | 'warn' | 'ignore' | undefined;
}

export declare abstract class AegisError extends Error {
    abstract readonly name: string;
    readonly code: string;
    constructor(code: string, message: string, options?: ErrorOptions);
    static is(error: unknown): error is AegisError;
}

export declare function AegisGuard<This, A extends readonly unknown[], R extends Guardable, const N, const O>(options: GuardOptions<This, A, R, N, O>): GuardDecorator<This, A, R>;

export declare class AegisModule implements AegisModuleView {
    #private;
    private constructor();
    static configure(options?: ConfigureOptions): AegisModule;
    static create(options: AegisOptions): AegisModule;
    static get current(): AegisModuleView;
    static close(options?: {
        readonly graceMs?: number | undefined;
    }): Promise<void>;
    get decisions(): DecisionService;
    get tasks(): TaskRegistry;
    get scheduler(): ApprovalScheduler;
    get approvals(): ApprovalDesk;
    get grants(): Grants;
    get halts(): Halts;
    get limits(): Limits;
    get policies(): ReloadablePolicies;
    decide(call: ProposedCall): Promise<Decision>;
    decisionStatus(decisionId: string): Promise<DecisionStatus>;
    ready(): Promise<void>;
    register(target: object): void;
    withSession<T>(session: object | null, fn: () => T): T;
    close(options?: {
        readonly graceMs?: number | undefined;
    }): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export interface AegisModuleView {
    readonly decisions: DecisionService;
    readonly tasks: TaskRegistry;
    readonly scheduler: ApprovalScheduler;
    decide(call: ProposedCall): Promise<Decision>;
    decisionStatus(decisionId: string): Promise<DecisionStatus>;
    ready(): Promise<void>;
    register(target: object): void;
    withSession<T>(session: object | null, fn: () => T): T;
}

export interface AegisOptions extends EmbeddedOptions, RemoteOptions {
    readonly decisions?: DecisionService | undefined;
    readonly agentId?: string | undefined;
    readonly approvalTimeoutMs?: number | undefined;
    readonly approvalPolling?: {
        readonly [K in keyof ApprovalPolling]?: ApprovalPolling[K] | undefined;
    } | undefined;
    readonly keepAlive?: boolean | undefined;
    readonly store?: string | StateStore | TaskStore | undefined;
    readonly resolve?: ResolveInstance | undefined;
    readonly recovery?: RecoveryOptions | undefined;
    readonly tasks?: TaskRegistryOptions | undefined;
    readonly scheduler?: ((options: ApprovalSchedulerOptions) => ApprovalScheduler) | undefined;
    readonly haltFile?: string | undefined;
    readonly haltMaxStaleMs?: number | undefined;
    readonly autoHalt?: AutoHaltOptions | undefined;
    readonly sessions?: 'explicit' | 'async-local' | undefined;
    readonly limits?: {
        readonly [K in keyof SnapshotLimits]?: SnapshotLimits[K] | undefined;
    } | undefined;
    readonly onUnguardedOverride?: 'throw' | 'warn' | 'ignore' | undefined;
    readonly journal?: Journal | readonly Journal[] | undefined;
    readonly logger?: Logger | undefined;
    readonly logLevel?: LogLevel | undefined;
    readonly debug?: boolean | undefined;
    readonly env?: boolean | undefined;
}

export declare class ApprovalCancelledError extends AegisError {
    readonly name = "ApprovalCancelledError";
    readonly taskId: string;
    constructor(taskId: string, message: string, options?: ErrorOptions);
}

export declare class ApprovalDesk extends SafeEmitter<DeskEvents> {
    #private;
    constructor(store: ApprovalStore, options?: ApprovalDeskOptions, clock?: SteadyClock);
    get attended(): boolean;
    attend(): () => void;
    get(decisionId: string): Awaitable<ApprovalRecord | undefined>;
    list(given?: ApprovalQuery): Awaitable<readonly ApprovalRecord[]>;
    approve(decisionId: string, verdict: VerdictInput): Promise<ApprovalRecord>;
    deny(decisionId: string, verdict: VerdictInput): Promise<ApprovalRecord>;
    amend(decisionId: string, edit: AmendInput): Promise<ApprovalRecord>;
    previewEdit(decisionId: string, edit: AmendInput): Promise<EditPreview>;
    mayDecide(decisionId: string, by: string, assurance?: Assurance): Promise<boolean>;
}

export type ApprovalMode = 'defer' | 'wait' | 'throw';

export declare class ApprovalPendingError<T = unknown> extends AegisError {
    readonly name = "ApprovalPendingError";
    readonly pending: PendingApproval<T>;
    constructor(pending: PendingApproval<T>);
}

export interface ApprovalPolling {
    readonly enabled: boolean;
    readonly initialDelayMs: number;
    readonly maxDelayMs: number;
    readonly maxAttempts: number;
    readonly jitterRatio: number;
}

export interface ApprovalRecord {
    readonly decisionId: string;
    readonly agentId: string;
    readonly toolName: string;
    readonly guardKey: string;
    readonly originalParams: Params;
    readonly params: Params;
    readonly originalDigest: string;
    readonly digest: string;
    readonly bindingDigest?: string | undefined;
    readonly requires?: readonly string[] | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly removable?: readonly string[] | undefined;
    readonly counted?: boolean | undefined;
    readonly opaque: readonly string[];
    readonly sensitive?: Sensitive | undefined;
    readonly preview?: ApprovalPreview | undefined;
    readonly session: Session | null;
    readonly sessionDigest: string;
    readonly facts: Readonly<Record<string, unknown>>;
    readonly factsDigest: string;
    readonly requester: string;
    readonly requesterKnown: boolean;
    readonly sessionTrusted?: false | undefined;
    readonly reason: string;
    readonly message?: string | undefined;
    readonly idempotency?: IdempotencyKey | undefined;
    readonly usedByAnswer?: boolean | undefined;
    readonly policies: readonly ApprovalPolicy[];
    readonly policySetHash: string;
    readonly refusals: number;
    readonly createdAtMs: number;
    readonly expiresAtMs: number;
    readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'withdrawn';
    readonly verdicts: readonly Verdict[];
    readonly amendable?: AmendableCall | undefined;
    readonly amendments?: readonly Amendment[] | undefined;
    readonly consumed?: {
        readonly token: string;
        readonly atMs: number;
    } | undefined;
    readonly begun?: {
        readonly claimToken: string;
        readonly atMs: number;
    } | undefined;
    readonly outcome?: RunOutcome | undefined;
    readonly auditSalt?: string | undefined;
    readonly version: number;
    readonly mac?: string | undefined;
}

export declare class ApprovalScheduler {
    #private;
    constructor(given: ApprovalSchedulerOptions);
    get queueSize(): number;
    canAsk(approval?: Pick<ApprovalNeededDecision, 'offers'>): boolean;
    pendingTasks(): readonly Task[];
    start(): void;
    submit<T>(pending: PendingApproval<T>): PendingApproval<T>;
    shutdown(options?: {
        readonly graceMs?: number | undefined;
    }): Promise<void>;
}

export declare class ApprovalTimeoutError extends AegisError {
    readonly name = "ApprovalTimeoutError";
    readonly taskId: string;
    readonly decisionId: string;
    constructor(taskId: string, decisionId: string, message: string, options?: ErrorOptions);
}

export interface Approver {
    attach(desk: ApprovalDesk): () => void;
}

export declare class AuthError extends ServiceError {
    readonly name = "AuthError";
    constructor(message: string, options?: ServiceErrorOptions);
}

export declare class BadRequestError extends ServiceError {
    readonly name = "BadRequestError";
    constructor(message: string, options?: ServiceErrorOptions);
}

export declare class CallAbortedError extends AegisError {
    readonly name = "CallAbortedError";
    constructor(toolName: string, reason: unknown);
}

export declare class CapacityError extends AegisError {
    readonly name = "CapacityError";
    readonly limit: number;
    constructor(limit: number, message: string);
}

export declare class ConfigError extends AegisError {
    readonly name = "ConfigError";
    readonly problems: readonly ConfigProblem[];
    constructor(problems: readonly ConfigProblem[], options?: ErrorOptions);
}

export interface ConfigureOptions extends AegisOptions {
    readonly replace?: boolean | undefined;
}

export declare class ConsoleLogger implements Logger {
    #private;
    constructor(level?: LogLevel);
    debug(fields: object, message: string): void;
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
}

export interface CurrentCall {
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly taskId: string | undefined;
    readonly depth: number;
    readonly signal: AbortSignal;
}

export type Decision = AllowDecision | DenyDecision | SanitizeDecision | ApprovalNeededDecision;

export interface DecisionService {
    requires?(): readonly Capability[];
    decide(request: DecisionRequest, options: AskOptions): Awaitable<Decision>;
    dryRun?(request: DecisionRequest, options: AskOptions): Awaitable<Decision>;
    status(decisionId: string, options: ApprovalOptions): Awaitable<DecisionStatus>;
    statuses?(decisionIds: readonly string[], options: AskOptions): Awaitable<readonly DecisionStatus[]>;
    watch?(signal: AbortSignal): AsyncIterable<WatchedStatus>;
    reevaluate?(request: DecisionRequest, decisionId: string, options: ReevaluateOptions): Awaitable<Decision>;
    verify?(call: ApprovedCall): Awaitable<boolean>;
    consume?(use: ApprovalUse): Awaitable<boolean>;
    begin?(start: ExecutionStart): Awaitable<boolean>;
    reportOutcome?(report: RunReport): Awaitable<void>;
    release?(decisionId: string): Awaitable<void>;
    amends?(): boolean;
    withdraw?(decisionId: string, options?: ApprovalOptions): Awaitable<void>;
    expire?(decisionId: string, options?: ApprovalOptions): Awaitable<void>;
    ready?(): Awaitable<void>;
    close?(): Awaitable<void>;
}

export interface DecisionStatus {
    readonly decisionId: string;
    readonly state: 'pending' | 'approved' | 'denied' | 'expired' | 'invalid';
    readonly reason?: string | undefined;
    readonly code?: 'halted' | undefined;
    readonly by?: string | undefined;
    readonly params?: Params | undefined;
    readonly digest?: string | undefined;
}

export declare class DecisionUnavailableError extends AegisError {
    readonly name = "DecisionUnavailableError";
    readonly reason: UnbelievableReason;
    constructor(reason: UnbelievableReason, message: string, options?: ErrorOptions);
}

export type Diagnostic = {
    readonly kind: 'security';
    readonly code: string;
    readonly message: string;
    readonly subject?: {
        readonly agentId?: string | undefined;
        readonly toolName?: string | undefined;
        readonly decisionId?: string | undefined;
    } | undefined;
    readonly actor?: {
        readonly kind: 'caller' | 'service' | 'store';
        readonly agentId?: string | undefined;
        readonly taskId?: string | undefined;
    } | undefined;
} | {
    readonly kind: 'callback';
    readonly where: string;
    readonly error: {
        readonly name: string;
        readonly message: string;
    };
};

export declare class EmbeddedDecisionService implements DecisionService {
    #private;
    constructor(options: EmbeddedDecisionServiceOptions);
    decide(request: DecisionRequest): Awaitable<Decision>;
    dryRun(request: DecisionRequest): Awaitable<Decision>;
    reevaluate(request: DecisionRequest, decisionId: string): Awaitable<Decision>;
    release(decisionId: string): Awaitable<void>;
    ready(): Awaitable<void>;
    status(decisionId: string): Awaitable<DecisionStatus>;
    amends(): boolean;
    watch(signal: AbortSignal): AsyncIterable<DecisionStatus>;
    verify(call: ApprovedCall): Awaitable<boolean>;
    consume(use: ApprovalUse): Awaitable<boolean>;
    begin(start: ExecutionStart): Awaitable<boolean>;
    reportOutcome(report: RunReport): Awaitable<void>;
    withdraw(decisionId: string): Awaitable<void>;
    expire(decisionId: string): Awaitable<void>;
    close(): void;
}

export interface EmbeddedOptions {
    readonly policies?: PolicySource | undefined;
    readonly watch?: boolean | undefined;
    readonly onLoosened?: 'hold' | 'accept' | undefined;
    readonly onReload?: ((result: ReloadResult) => void) | undefined;
    readonly verify?: number | undefined;
    readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
    readonly toolset?: string | undefined;
    readonly facts?: FactsHook | undefined;
    readonly factsTimeoutMs?: number | undefined;
    readonly unattended?: 'pending' | 'deny' | undefined;
    readonly approver?: Approver | undefined;
    readonly approverGroups?: ApprovalDeskOptions['approverGroups'] | undefined;
    readonly mayApprove?: ApprovalDeskOptions['mayApprove'] | undefined;
    readonly directory?: ApprovalDeskOptions['directory'] | undefined;
    readonly requireKnownRequester?: boolean | undefined;
    readonly requireRequester?: boolean | undefined;
    readonly maxPendingPerTool?: number | undefined;
    readonly denialTtlMs?: number | undefined;
    readonly exposePolicies?: boolean | undefined;
    readonly counters?: CountersOptions | undefined;
    readonly approvalStore?: ApprovalStore | undefined;
    readonly stateKey?: string | SecretString | undefined;
}

export interface ErrorSummary {
    readonly name: string;
    readonly code?: string | undefined;
    readonly message: string;
}

export type FactsHook = (call: FactsCall) => Awaitable<object>;

export declare class ForbiddenError extends AegisError {
    readonly name = "ForbiddenError";
    readonly status = 403;
    readonly statusCode = 403;
    readonly agentId: string | undefined;
    readonly toolName: string | undefined;
    readonly decision: Decision | undefined;
    constructor(message: string, options?: ForbiddenErrorOptions);
    get violations(): readonly Violation[];
    toJSON(): object;
}

export type FunctionGuardOptions<This, A extends readonly unknown[], R, N, M extends ApprovalMode, O = unknown> = BaseGuardOptions<This, A, R> & NamingOptions<A, N, O> & FunctionApproval<R, M>;

export declare class GuardDefinitionError extends AegisError {
    readonly name = "GuardDefinitionError";
    constructor(message: string, options?: ErrorOptions);
}

export interface GuardInfo {
    readonly method: string | symbol;
    readonly toolName: string;
    readonly key: string;
    readonly agentId: string | undefined;
    readonly approval: ApprovalMode;
    readonly params: readonly string[] | undefined;
    readonly groups: readonly string[];
    readonly opaque: readonly string[];
    readonly idempotent: boolean;
}

export type GuardOptions<This, A extends readonly unknown[], R, N, O = unknown> = BaseGuardOptions<This, A, R> & NamingOptions<A, N, O> & ApprovalOption<R>;

export type GuardOutcome<R> = RanOutcome<R> | DeniedOutcome | PendingOutcome<Awaited<R>>;

export type Guarded<T> = T | PendingApproval<T>;

export interface GuardedCall<R = unknown> {
    readonly agentId: string;
    readonly toolName: string;
    readonly params: Readonly<Record<string, unknown>>;
    readonly guardKey?: string | undefined;
    readonly session?: Session | null | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly opaque?: readonly string[] | undefined;
    readonly knows?: ((name: string) => boolean) | undefined;
    readonly schema?: StandardSchema | undefined;
    readonly schemaAppliesTo?: 'every' | 'sanitized' | undefined;
    readonly mode?: ApprovalMode | undefined;
    readonly approvalTimeoutMs?: number | undefined;
    readonly wireTypes?: 'string' | undefined;
    readonly sensitive?: Readonly<Record<string, SensitiveOption>> | undefined;
    readonly preview?: ((params: Params, signal: AbortSignal) => Awaitable<CallPreview>) | undefined;
    readonly previewTimeoutMs?: number | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly guard?: object | undefined;
    readonly target?: unknown;
    readonly recheck?: (() => string | undefined) | undefined;
    readonly onSettled?: ((result: R | undefined, error: unknown) => unknown) | undefined;
    readonly metadata?: Readonly<Record<string, unknown>> | undefined;
    readonly signature?: string | undefined;
    readonly covers?: boolean | undefined;
}

export type GuardedFunction<This, A extends readonly unknown[], R, M extends ApprovalMode> = 'defer' extends M ? Fn<This, A, Promise<Awaited<R> | PendingApproval<Settled<R>>>> : Fn<This, A, R>;

export declare const LegacyAegisGuard: <This, A extends readonly unknown[], R extends Guardable, const N, const O>(options: GuardOptions<This, A, R, N, O>) => LegacyGuardDecorator<This, A, R>;

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

export interface Logger {
    debug(fields: object, message: string): void;
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
}

export interface NewTask {
    readonly agentId: string;
    readonly toolName: string;
    readonly decisionId: string;
    readonly taskId?: string | undefined;
    readonly metadata?: Readonly<Record<string, unknown>> | undefined;
    readonly timeoutMs?: number | undefined;
}

export declare class NotFoundError extends ServiceError {
    readonly name = "NotFoundError";
    constructor(message: string, options?: ServiceErrorOptions);
}

export declare class OutcomeUnknownError extends AegisError {
    readonly name = "OutcomeUnknownError";
    readonly taskId: string;
    constructor(taskId: string, message: string, options?: ErrorOptions);
}

export type Params = Readonly<Record<string, unknown>>;

export declare class ParamsError extends AegisError {
    readonly name: string;
    readonly path: string;
    constructor(path: string, message: string, options?: ErrorOptions & {
        readonly code?: string;
    });
}

export interface PendingApproval<T = unknown> {
    readonly [PENDING_BRAND]: true;
    readonly taskId: string;
    readonly decisionId: string;
    readonly agentId: string;
    readonly toolName: string;
    readonly message: string;
    readonly status: TaskStatus;
    readonly edited: readonly string[] | undefined;
    readonly completed: Promise<T>;
    cancel(): Promise<boolean>;
    toString(): string;
    toJSON(): object;
}

export declare class PolicyEvalError extends ServiceError {
    readonly name = "PolicyEvalError";
    constructor(message: string, options?: ServiceErrorOptions);
}

export interface ProposedCall {
    readonly agentId?: string | undefined;
    readonly toolName: string;
    readonly params: Readonly<Record<string, unknown>>;
    readonly session?: Session | null | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly schema?: StandardSchema | undefined;
    readonly signal?: AbortSignal | undefined;
}

export interface RecoveryOptions {
    readonly leaseMs?: number | undefined;
    readonly sweepMs?: number | undefined;
    readonly maxRuns?: number | undefined;
}

export declare class RemoteDecisionService implements DecisionService {
    #private;
    constructor(options: RemoteDecisionServiceOptions);
    requires(): readonly Capability[];
    decide(request: DecisionRequest, options?: AskOptions): Promise<Decision>;
    status(decisionId: string, options?: ApprovalOptions): Promise<DecisionStatus>;
    dryRun(request: DecisionRequest, options?: AskOptions): Promise<Decision>;
    statuses(decisionIds: readonly string[], options?: AskOptions): Promise<readonly DecisionStatus[]>;
    watch(signal: AbortSignal): AsyncGenerator<WatchedStatus, void, undefined>;
    reevaluate(request: DecisionRequest, decisionId: string, options?: ReevaluateOptions): Promise<Decision>;
    consume(use: ApprovalUse): Promise<boolean>;
    begin(start: ExecutionStart): Promise<boolean>;
    amends(): boolean;
    reportOutcome(report: RunReport): Promise<void>;
    withdraw(decisionId: string, options?: ApprovalOptions): Promise<void>;
    expire(decisionId: string, options?: ApprovalOptions): Promise<void>;
    close(): Promise<void>;
}

export interface RemoteOptions {
    readonly apiKey?: string | SecretString | undefined;
    readonly baseUrl?: string | URL | undefined;
    readonly timeoutMs?: number | undefined;
    readonly retries?: number | undefined;
    readonly userAgent?: string | undefined;
    readonly allowInsecureHttp?: boolean | undefined;
    readonly dataPlane?: DataPlaneRequirements | undefined;
}

export type ResolveInstance = (target: AnyClass, task: Task) => Awaitable<object | undefined>;

export declare class SanitizeError extends AegisError {
    readonly name = "SanitizeError";
    readonly path: string;
    constructor(path: string, message: string, options?: ErrorOptions);
}

export declare class SecretString {
    #private;
    constructor(value: string);
    reveal(): string;
    toString(): string;
    toJSON(): string;
    [Symbol.toPrimitive](): string;
}

export type Session = Readonly<Record<string, unknown>>;

export declare class ShutdownError extends AegisError {
    readonly name = "ShutdownError";
    constructor(message: string, options?: ErrorOptions);
}

export declare class StoreError extends AegisError {
    readonly name = "StoreError";
    constructor(message: string, options?: ErrorOptions);
}

export type SyncGuardOptions<This, A extends readonly unknown[], R, N, O = unknown> = Omit<BaseGuardOptions<This, A, R>, 'waitMs' | 'preview' | 'previewTimeoutMs'> & NamingOptions<A, N, O> & {
    readonly approval?: 'throw';
};

export type Task = PendingTask | ApprovedTask | ExecutingTask | CompletedTask | FailedTask | DeniedTask | TimeoutTask | CancelledTask | UnknownTask;

export type TaskEvents = {
    [S in TaskStatus]: [task: Extract<Task, {
        status: S;
    }>];
} & {
    transition: [change: TaskTransition];
    'waiting-for-worker': [waiting: WaitingForWorker];
};

export interface TaskQuery {
    readonly status?: TaskStatus | readonly TaskStatus[] | undefined;
    readonly agentId?: string | undefined;
    readonly toolName?: string | undefined;
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
}

export declare class TaskRegistry extends TaskRecorder {
    #private;
    createTask(task: NewTask): Promise<PendingTask>;
    updateStatus(taskId: string, status: TaskStatus, outcome?: {
        result?: unknown;
        reason?: string;
    }): Promise<Task>;
    getTask(taskId: string): Promise<Task | undefined>;
    listTasks<S extends TaskStatus = TaskStatus>(query?: TaskQuery & {
        readonly status?: S | readonly S[] | undefined;
    }): Promise<readonly Extract<Task, {
        readonly status: S;
    }>[]>;
    listSummaries(query?: TaskQuery): Promise<readonly TaskSummary[]>;
    deleteTask(taskId: string): Promise<boolean>;
    clearCompleted(age?: ClearAge): Promise<number>;
    clearAll(): Promise<number>;
    getStats(): Promise<TaskStats>;
    resolveUnknown(taskId: string, given: UnknownResolution): Promise<Task>;
}

export declare class TaskStateError extends AegisError {
    readonly name = "TaskStateError";
    readonly taskId: string;
    constructor(taskId: string, message: string);
}

export type TaskStats = Readonly<Record<TaskStatus | 'total', number>>;

export type TaskStatus = Task['status'];

export interface TaskTransition {
    readonly task: Task;
    readonly from: TaskStatus | undefined;
}

export interface TerminalApproverOptions {
    readonly by?: string | undefined;
    readonly terminal?: Terminal | undefined;
}

export declare class TimeoutError extends ServiceError {
    readonly name = "TimeoutError";
    constructor(message: string, options?: ServiceErrorOptions);
}

export declare class TransportError extends ServiceError {
    readonly name = "TransportError";
    constructor(message: string, options?: ServiceErrorOptions);
}

export interface UnknownResolution {
    readonly outcome: 'done' | 'retry' | 'abandon';
    readonly by: string;
    readonly reason?: string | undefined;
    readonly confirmExecutorDead?: boolean | undefined;
}

export declare class UnknownServiceError extends ServiceError {
    readonly name = "UnknownServiceError";
    constructor(message: string, options?: ServiceErrorOptions);
}

export declare class UnsupportedParamError extends ParamsError {
    readonly name = "UnsupportedParamError";
    constructor(path: string, message: string);
}

export declare class VerdictError extends AegisError {
    readonly name = "VerdictError";
    readonly status: VerdictStatus;
    readonly statusCode: VerdictStatus;
    readonly decisionId: string;
    readonly stands: StandingVerdict | undefined;
    constructor(status: VerdictStatus, code: string, decisionId: string, message: string, { stands, ...options }?: ErrorOptions & {
        readonly stands?: StandingVerdict | undefined;
    });
}

export interface VerdictInput {
    readonly by: string;
    readonly reason?: string | undefined;
    readonly digest?: string | undefined;
    readonly assurance?: Assurance | undefined;
    readonly acknowledgeHidden?: number | undefined;
    readonly name?: string | undefined;
    readonly version?: number | undefined;
    readonly key?: string | undefined;
    readonly edit?: EditInput | undefined;
    readonly grant?: GrantInput | undefined;
}

export interface WaitingForWorker {
    readonly task: Task;
    readonly reason: 'no-guard' | 'several-guards' | 'no-instance' | 'several-instances';
}

export declare function assertGuarded(target: AnyClass): void;

export declare function currentCall(): CurrentCall | undefined;

export declare function getGuard(target: object, method?: PropertyKey): GuardInfo | undefined;

export declare function guard<This, A extends readonly unknown[], R extends Guardable, const N, const O, const M extends ApprovalMode = 'defer'>(fn: Fn<This, A, R>, options: FunctionGuardOptions<This, A, R, N, M, O>): GuardedFunction<This, A, R, M>;

export declare function guardCall<R>(module: AegisModule | AegisModuleView, call: GuardedCall<Awaited<R>>, run: RunGuarded<R>): Promise<GuardOutcome<Awaited<R>>>;

export declare function guardSync<This, A extends readonly unknown[], R, const N, const O>(fn: Fn<This, A, R> & RefuseAsync<R>, options: SyncGuardOptions<This, A, R, N, O>): Fn<This, A, R>;

export declare function isPending<T = unknown>(value: T | PendingApproval<T>): value is PendingApproval<T>;
declare function isPending(value: unknown): value is PendingApproval;

export declare function listGuards(target: AnyClass): readonly GuardInfo[];

export declare function terminalApprover(options?: TerminalApproverOptions): Approver;
