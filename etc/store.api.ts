// What 'aegislib/store' exports. Written by npm run api:update; review what changes here.

export interface AmendableCall {
    readonly bindingBase: string;
    readonly groups: readonly string[];
    readonly removable: readonly string[];
}

export interface Amendment {
    readonly by: string;
    readonly name?: string | undefined;
    readonly reason?: string | undefined;
    readonly atMs: number;
    readonly assurance?: Assurance | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly groupsFrom?: string | undefined;
    readonly proof?: VerdictProof | undefined;
    readonly from: string;
    readonly to: string;
    readonly params: Params;
    readonly changes: readonly ParamChange[];
    readonly superseded: readonly Verdict[];
}

export interface ApprovalCard extends Pick<ApprovalRecord, 'decisionId' | 'agentId' | 'toolName' | 'requester' | 'requesterKnown' | 'reason' | 'digest' | 'refusals' | 'createdAtMs' | 'expiresAtMs' | 'status' | 'version'> {
    readonly policies: readonly CardPolicy[];
    readonly summary?: readonly CardParam[] | undefined;
    readonly unlisted?: number | undefined;
    readonly changed?: readonly string[] | undefined;
    readonly edited?: readonly string[] | undefined;
    readonly deceptive?: readonly ('hidden' | 'lookalike')[] | undefined;
    readonly consumed: boolean;
    readonly outcome?: RunOutcome['status'] | undefined;
    readonly decided?: Pick<Verdict, 'by' | 'name' | 'atMs'> | undefined;
    readonly mac?: string | undefined;
}

export type { ApprovalMode } from 'aegislib';

export interface ApprovalPage {
    readonly cards: readonly ApprovalCard[];
    readonly cursor?: string | undefined;
}

export interface ApprovalPageQuery {
    readonly status?: ApprovalRecord['status'] | undefined;
    readonly agentId?: string | undefined;
    readonly agents?: readonly string[] | undefined;
    readonly toolName?: string | undefined;
    readonly q?: string | undefined;
    readonly decidedBy?: string | undefined;
    readonly outcome?: RunOutcome['status'] | undefined;
    readonly sinceMs?: number | undefined;
    readonly untilMs?: number | undefined;
    readonly order?: 'newest' | 'oldest' | undefined;
    readonly cursor?: string | undefined;
    readonly limit?: number | undefined;
}

export interface ApprovalPolicy extends ApprovalTerms {
    readonly id: string;
    readonly hash: string;
    readonly reason?: string | undefined;
    readonly severity?: string | undefined;
    readonly approvers?: readonly string[] | undefined;
    readonly selfApproval?: boolean | undefined;
    readonly summary?: readonly string[] | undefined;
}

export interface ApprovalQuery {
    readonly status?: ApprovalRecord['status'] | undefined;
    readonly agentId?: string | undefined;
    readonly toolName?: string | undefined;
    readonly overdueAtMs?: number | undefined;
    readonly overdueSinceMs?: number | undefined;
    readonly limit?: number | undefined;
}

export type { ApprovalRecord } from 'aegislib';

export interface ApprovalStore {
    readonly insertsBeside?: boolean | undefined;
    readonly counters?: CounterStore | undefined;
    open?(): Awaitable<void>;
    close?(): Awaitable<void>;
    insert(record: ApprovalRecord, card?: ApprovalCard, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean>;
    get(decisionId: string): Awaitable<ApprovalRecord | undefined>;
    replace(record: ApprovalRecord, version: number, card?: ApprovalCard, beside?: readonly StoredRecord[], conditions?: ChangeConditions, takes?: CounterChange): Awaitable<boolean>;
    list(query: ApprovalQuery): Awaitable<readonly ApprovalRecord[]>;
    countPending(agentId: string, toolName: string, cap?: number): Awaitable<number>;
    ofIdempotencyKey?(agentId: string, key: string): Awaitable<ApprovalRecord | undefined>;
    page?(query: ApprovalPageQuery): Awaitable<ApprovalPage>;
    listDenied(agentId: string, toolName: string, sinceMs: number): Awaitable<readonly ApprovalRecord[]>;
    prune(endedByMs: number): Awaitable<number>;
    begunPage?(page: number): Awaitable<BegunPage | undefined>;
    replaceBegun?(record: ApprovalRecord, version: number, page: BegunPage, card?: ApprovalCard, beside?: readonly StoredRecord[], conditions?: ChangeConditions, takes?: CounterChange): Awaitable<boolean>;
    bindOlder?(bind: BindOlder): Awaitable<void>;
}

export interface ApprovalTerms {
    readonly quorum?: number | undefined;
    readonly distinct?: boolean | undefined;
    readonly escalate?: readonly Escalation[] | undefined;
    readonly grantable?: GrantCeiling | undefined;
    readonly editable?: readonly string[] | undefined;
    readonly editorMayApprove?: boolean | undefined;
    readonly showApprover?: readonly string[] | undefined;
    readonly needsPreview?: boolean | undefined;
}

export interface ApprovedTask extends TaskFields {
    readonly status: 'approved';
    readonly approvedBy?: string | undefined;
}

export type Assurance = 'session' | 'code' | 'passkey' | 'step-up' | 'host';

export type Awaitable<T> = T | PromiseLike<T>;

export interface BegunPage {
    readonly page: number;
    readonly version: number;
    readonly body: string;
}

export type BindOlder = (record: ApprovalRecord, task: Task) => ApprovalRecord | undefined;

export interface CancelledTask extends TaskFields {
    readonly status: 'cancelled';
    readonly error: ErrorSummary;
}

export interface CardParam {
    readonly name: string;
    readonly text: string;
    readonly cut?: number | undefined;
}

export interface CardPolicy extends Pick<ApprovalPolicy, 'id' | 'severity' | 'approvers' | 'selfApproval' | 'quorum' | 'distinct' | 'escalate'> {
    readonly approved?: true | undefined;
    readonly filledBy?: readonly string[] | undefined;
}

export interface ChangeConditions {
    readonly haltChanges?: number | undefined;
}

export interface ChangingCounters extends CounterStore {
    change(change: CounterChange | undefined): void;
}

export interface CompletedTask extends TaskFields {
    readonly status: 'completed';
    readonly result: unknown;
    readonly resolution?: TaskResolution | undefined;
}

export type CounterChange = Takes | GiveBack;

export interface CounterState extends RefusedTake {
    readonly used: number;
    readonly own: number;
}

export interface CounterStore {
    take(takes: Takes, options?: TakeOptions): Awaitable<TakeOutcome>;
    give(token: string): Awaitable<void>;
    peek(takes: readonly CounterTake[], token?: string): Awaitable<readonly CounterState[]>;
    list(): Awaitable<readonly ShownCounter[]>;
    prune(): Awaitable<number>;
}

export interface CounterTake {
    readonly key: string;
    readonly cost: number;
    readonly limit: number;
    readonly windowMs: number;
    readonly kind: 'fixed' | 'sliding';
    readonly force?: boolean | undefined;
    readonly label?: string | undefined;
}

export interface DeniedTask extends TaskFields {
    readonly status: 'denied';
    readonly error: ErrorSummary;
    readonly deniedBy?: string | undefined;
}

export interface DueQuery {
    readonly nowMs: number;
    readonly idleMs: number;
    readonly againMs: number;
    readonly keys: readonly string[];
    readonly poll: boolean;
    readonly limit: number;
}

export interface DuplicateCallQuery {
    readonly guardKey: string;
    readonly agentId: string;
    readonly originalDigest: string;
    readonly sessionDigest: string;
    readonly mode: Task['mode'];
}

export interface EditedParams {
    readonly params: Params;
    readonly digest: string;
    readonly edited: readonly string[];
}

export type { ErrorSummary } from 'aegislib';

export interface Escalation {
    readonly afterMs: number;
    readonly groups: readonly string[];
}

export interface ExecutingTask extends TaskFields {
    readonly status: 'executing';
    readonly claimToken: string;
    readonly executorId: string;
    readonly leaseUntilMs: number;
    readonly startedAtMs: number;
}

export interface FailedTask extends TaskFields {
    readonly status: 'failed';
    readonly error: ErrorSummary;
    readonly resolution?: TaskResolution | undefined;
}

export interface GiveBack {
    readonly giveBack: string;
}

export interface GrantCeiling {
    readonly uses: number;
    readonly forMs: number;
}

export interface IdempotencyKey {
    readonly key: string;
    readonly fingerprint: string;
}

export interface KeepingJournal extends Journal {
}

export declare class MemoryApprovalStore implements ApprovalStore {
    #private;
    readonly counters: ChangingCounters;
    constructor(counters?: ChangingCounters);
    insert(record: ApprovalRecord, _card?: ApprovalCard, _beside?: readonly StoredRecord[], takes?: CounterChange): boolean;
    get(decisionId: string): ApprovalRecord | undefined;
    replace(record: ApprovalRecord, version: number, _card?: ApprovalCard, _beside?: readonly StoredRecord[], _conditions?: ChangeConditions, takes?: CounterChange): boolean;
    list({ status, agentId, toolName, overdueAtMs, overdueSinceMs, limit, }: ApprovalQuery): readonly ApprovalRecord[];
    countPending(agentId: string, toolName: string, cap?: number): number;
    listDenied(agentId: string, toolName: string, sinceMs: number): readonly ApprovalRecord[];
    prune(endedByMs: number): number;
}

export declare class MemoryCounterStore implements CounterStore {
    #private;
    take(given: Takes): TakeOutcome;
    change(change: CounterChange | undefined): void;
    give(token: string): void;
    forget(token: string): void;
    peek(takes: readonly CounterTake[], token?: string): readonly CounterState[];
    list(): readonly ShownCounter[];
    prune(): number;
}

export declare class MemoryStateStore implements ServerStore {
    #private;
    readonly tasks: MemoryTaskStore;
    readonly approvals: ApprovalStore;
    constructor();
    open(): void;
    close(): void;
    forTenant(tenantId: string, options?: TenantStoreOptions): TenantStore;
}

export declare class MemoryTaskStore implements TaskStore {
    #private;
    readonly durable = false;
    readonly ownerId: string;
    constructor(haltChanges?: () => number);
    insert(task: PendingTask): TaskInsertion;
    get(taskId: string): Task | undefined;
    ofDecision(decisionId: string): Task | undefined;
    findOpen({ guardKey, agentId, originalDigest, sessionDigest, mode }: DuplicateCallQuery): Task | undefined;
    list(query: TaskQuery): readonly Task[];
    listSummaries(query: TaskQuery): readonly TaskSummary[];
    transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Task | undefined;
    claim(claim: TaskClaim): ExecutingTask | undefined;
    release(taskId: string, token: string, nowMs: number): Task | undefined;
    settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Task | undefined;
    countAttempt(taskId: string): Task | undefined;
    delete(taskId: string, from: readonly TaskStatus[]): boolean;
    prune({ keep, keepBytes, finishedBeforeMs }: PruneLimits): number;
    counts(): Readonly<Record<TaskStatus, number>>;
    heartbeat(leaseMs: number, nowMs: number): number;
    isLive(ownerId: string, nowMs: number): boolean;
    sweep({ nowMs, maxRuns, limit }: {
        readonly nowMs: number;
        readonly maxRuns: number;
        readonly limit: number;
    }): SweptTasks;
    due(_query: DueQuery): readonly Task[];
    makeDue(): void;
    watch(): () => void;
}

export interface Migration {
    readonly from: number;
    readonly to: number;
}

export type { Params } from 'aegislib';

export interface PendingTask extends TaskFields {
    readonly status: 'pending';
}

export interface PruneLimits {
    readonly keep: number;
    readonly keepBytes?: number | undefined;
    readonly finishedBeforeMs: number;
}

export type RecordChange = {
    readonly how: 'insert';
    readonly record: StoredRecord;
}
 | {
    readonly how: 'replace';
    readonly record: StoredRecord;
}
 | {
    readonly how: 'delete';
    readonly kind: string;
    readonly ids: readonly string[];
};

export interface RecordHead {
    readonly kind: string;
    readonly part: number;
    readonly version: number;
    readonly body: string;
}

export interface RecordPage {
    readonly records: readonly StoredRecord[];
    readonly cursor?: string | undefined;
    readonly tampered?: true | undefined;
}

export interface RecordQuery {
    readonly kind: string;
    readonly index1?: string | undefined;
    readonly index2?: string | undefined;
    readonly cursor?: string | undefined;
    readonly limit?: number | undefined;
}

export interface RecordStore {
    readonly counters?: CounterStore | undefined;
    readonly insertsBeside?: boolean | undefined;
    insert(record: StoredRecord, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean>;
    get(kind: string, id: string): Awaitable<StoredRecord | undefined>;
    replace(record: StoredRecord, version: number, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean>;
    delete(kind: string, id: string, version: number): Awaitable<boolean>;
    list(query: RecordQuery): Awaitable<RecordPage>;
    haltChanges?(): Awaitable<number | undefined>;
    prune(kind: string, nowMs: number): Awaitable<number>;
}

export interface RefusedTake {
    readonly key: string;
    readonly retryAtMs: number;
}

export interface RunOutcome {
    readonly status: 'completed' | 'failed' | 'unknown';
    readonly errorCode?: string | undefined;
    readonly atMs: number;
}

export interface ServerStore extends StateStore {
    forTenant(tenantId: string, options?: TenantStoreOptions): TenantStore;
}

export type { Session } from 'aegislib';

export interface ShownCounter extends Pick<CounterState, 'key' | 'used' | 'retryAtMs'>, Pick<CounterTake, 'kind' | 'windowMs' | 'label'> {
    readonly limit: number;
}

export interface SignableRecordStore extends RecordStore {
    head(kind: string, part: number): Awaitable<RecordHead | undefined>;
    heads(kind: string): Awaitable<readonly RecordHead[]>;
    ids(kind: string): Awaitable<readonly string[]>;
    getAll(kind: string, ids: readonly string[]): Awaitable<readonly StoredRecord[]>;
    commit(change: RecordChange, head: RecordHead, headVersion: number, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean>;
    discard?(kind: string, ids: readonly string[], beside?: readonly StoredRecord[]): Awaitable<void>;
}

export interface StateStore {
    readonly tasks: TaskStore;
    readonly approvals: ApprovalStore;
    open(): Awaitable<void>;
    close(): Awaitable<void>;
    forTenant?(tenantId: string, options?: TenantStoreOptions): TenantStore;
    migrate?(): Awaitable<Migration>;
    backup?(path: string | URL, onProgress?: (copied: number, total: number) => void): Awaitable<void>;
}

export type StoreChange = {
    readonly kind: 'task';
    readonly taskId: string;
    readonly version: number;
    readonly status: TaskStatus;
    readonly from: TaskStatus | undefined;
} | {
    readonly kind: 'approval';
    readonly decisionId: string;
    readonly version: number;
}
 | {
    readonly kind: 'halt';
    readonly tenantId: string;
};

export interface StoredRecord {
    readonly kind: string;
    readonly id: string;
    readonly version: number;
    readonly index1?: string | undefined;
    readonly index2?: string | undefined;
    readonly createdAtMs: number;
    readonly deleteAfterMs?: number | undefined;
    readonly body: string;
    readonly mac?: string | undefined;
}

export interface SweptTasks {
    readonly unknown: readonly Task[];
    readonly reclaimed: readonly Task[];
}

export interface TakeOptions {
    readonly durable?: boolean | undefined;
}

export type TakeOutcome = 
{
    readonly ok: true;
    readonly used: readonly number[];
}
 | {
    readonly ok: false;
    readonly refused: readonly RefusedTake[];
};

export declare class TakeRefusedError extends AegisError {
    readonly name = "TakeRefusedError";
    readonly refused: readonly RefusedTake[];
    constructor(refused: readonly RefusedTake[]);
}

export interface Takes {
    readonly token: string;
    readonly takes: readonly CounterTake[];
    readonly keepMs?: number | undefined;
}

export type { Task } from 'aegislib';

export type TaskChange = ({
    readonly to: 'approved';
    readonly approvedBy?: string | undefined;
} & Partial<EditedParams>) | {
    readonly to: 'denied';
    readonly error: ErrorSummary;
    readonly deniedBy?: string | undefined;
} | {
    readonly to: 'timeout' | 'cancelled';
    readonly error: ErrorSummary;
} | {
    readonly to: 'failed';
    readonly error: ErrorSummary;
    readonly resolution?: TaskResolution | undefined;
} | {
    readonly to: 'completed';
    readonly result: unknown;
    readonly resolution?: TaskResolution | undefined;
} | {
    readonly to: 'pending';
    readonly decisionId: string;
    readonly params: Params;
    readonly digest: string;
    readonly reason: string | undefined;
    readonly expiresAtMs: number;
    readonly offers?: readonly Capability[] | undefined;
    readonly auditSalt?: string | undefined;
};

export interface TaskClaim {
    readonly taskId: string;
    readonly token: string;
    readonly digest: string;
    readonly nowMs: number;
    readonly leaseMs: number;
    readonly haltChanges?: number | undefined;
}

export interface TaskFields {
    readonly taskId: string;
    readonly decisionId: string;
    readonly agentId: string;
    readonly toolName: string;
    readonly guardKey: string;
    readonly params: Params;
    readonly digest: string;
    readonly originalDigest: string;
    readonly session: Session | null;
    readonly sessionDigest: string;
    readonly reason: string | undefined;
    readonly mode: ApprovalMode | 'manual';
    readonly createdAtMs: number;
    readonly updatedAtMs: number;
    readonly expiresAtMs: number;
    readonly attemptCount: number;
    readonly runs: number;
    readonly version: number;
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly history: readonly string[];
    readonly retryOf: string | undefined;
    readonly origin: TaskOrigin | undefined;
    readonly sizeBytes?: number | undefined;
    readonly offers?: readonly Capability[] | undefined;
    readonly edited?: readonly string[] | undefined;
    readonly traceparent?: string | undefined;
    readonly auditSalt?: string | undefined;
}

export interface TaskInsertion {
    readonly outcome: 'created' | 'exists' | 'conflict';
    readonly task: Task;
}

export interface TaskOrigin {
    readonly ownerId: string;
    readonly resumable: boolean;
    readonly originalParams: Params;
    readonly target: string;
    readonly argumentCount: number;
    readonly signature: string;
    readonly idempotent: boolean;
}

export type TaskOutcome = {
    readonly to: 'completed';
    readonly result: unknown;
} | {
    readonly to: 'failed';
    readonly error: ErrorSummary;
} | {
    readonly to: 'unknown';
    readonly error: ErrorSummary;
};

export type { TaskQuery } from 'aegislib';

export interface TaskResolution {
    readonly how: 'done' | 'retry' | 'abandon';
    readonly by: string;
    readonly reason?: string | undefined;
    readonly atMs: number;
}

export type { TaskStatus } from 'aegislib';

export interface TaskStore {
    readonly durable: boolean;
    readonly ownerId: string;
    open?(): Awaitable<void>;
    close?(): Awaitable<void>;
    insert(task: PendingTask): Awaitable<TaskInsertion>;
    get(taskId: string): Awaitable<Task | undefined>;
    ofDecision(decisionId: string): Awaitable<Task | undefined>;
    findOpen(query: DuplicateCallQuery): Awaitable<Task | undefined>;
    list(query: TaskQuery): Awaitable<readonly Task[]>;
    listSummaries(query: TaskQuery): Awaitable<readonly TaskSummary[]>;
    transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Awaitable<Task | undefined>;
    claim(claim: TaskClaim): Awaitable<ExecutingTask | undefined>;
    release(taskId: string, token: string, nowMs: number): Awaitable<Task | undefined>;
    settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Awaitable<Task | undefined>;
    countAttempt(taskId: string): Awaitable<Task | undefined>;
    delete(taskId: string, from: readonly TaskStatus[]): Awaitable<boolean>;
    prune(limits: PruneLimits): Awaitable<number>;
    counts(): Awaitable<Readonly<Record<TaskStatus, number>>>;
    heartbeat(leaseMs: number, nowMs: number): Awaitable<number>;
    isLive(ownerId: string, nowMs: number): Awaitable<boolean>;
    sweep(options: {
        readonly nowMs: number;
        readonly maxRuns: number;
        readonly limit: number;
    }): Awaitable<SweptTasks>;
    due(query: DueQuery): Awaitable<readonly Task[]>;
    makeDue(taskIds: readonly string[]): Awaitable<void>;
    watch(listener: (change: StoreChange) => void): Awaitable<() => Awaitable<void>>;
    serve?(guardKey: string, run: (taskId: string) => Awaitable<void>): Awaitable<() => Awaitable<void>>;
}

export interface TaskSummary extends Omit<TaskFields, 'params' | 'origin' | 'attemptCount' | 'sizeBytes' | 'offers' | 'auditSalt' | 'traceparent' | 'edited'> {
    readonly status: TaskStatus;
    readonly error?: ErrorSummary | undefined;
    readonly approvedBy?: string | undefined;
    readonly deniedBy?: string | undefined;
    readonly cursor: string;
}

export interface TenantStore {
    readonly approvals: ApprovalStore;
    readonly records: SignableRecordStore;
    readonly counters?: CounterStore | undefined;
}

export interface TenantStoreOptions {
    readonly forOthers?: boolean | undefined;
    readonly keepMs?: number | undefined;
}

export interface TimeoutTask extends TaskFields {
    readonly status: 'timeout';
    readonly error: ErrorSummary;
}

export interface UnknownTask extends TaskFields {
    readonly status: 'unknown';
    readonly error: ErrorSummary;
    readonly executorId?: string | undefined;
}

export interface Verdict {
    readonly approve: boolean;
    readonly by: string;
    readonly reason?: string | undefined;
    readonly atMs: number;
    readonly assurance?: Assurance | undefined;
    readonly name?: string | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly groupsFrom?: string | undefined;
    readonly proof?: VerdictProof | undefined;
    readonly key?: string | undefined;
    readonly keyed?: string | undefined;
    readonly hidden?: number | undefined;
    readonly grant?: {
        readonly id: string;
        readonly digest: string;
    } | undefined;
    readonly policies: readonly string[];
}

export interface VerdictProof {
    readonly kind: 'passkey';
    readonly credential: string;
    readonly nonce: string;
    readonly version: number;
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
}
