// What 'aegislib/audit' exports. Written by npm run api:update; review what changes here.

export interface AmendedRecord extends RecordFields, CallFields {
    readonly kind: 'amended';
    readonly by: string;
    readonly assurance?: Assurance | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly from: Commitment;
    readonly effective: Commitment;
    readonly changed: Commitment;
    readonly policies: readonly RecordedApprovalPolicy[];
    readonly policySetHash?: string | undefined;
    readonly reason?: Commitment | undefined;
    readonly proof?: Omit<VerdictProof, 'nonce'> | undefined;
    readonly statement?: Commitment | undefined;
}

export interface AuditBatch {
    readonly lines: readonly string[];
    readonly openings: readonly Opening[];
    readonly tree: TreeState;
}

export interface AuditCounts {
    readonly records: number;
    readonly decisions: number;
    readonly approvals: number;
    readonly runs: number;
    readonly notWitnessed: number;
    readonly approvedElsewhere: number;
    readonly grantedElsewhere: number;
    readonly open: number;
    readonly openings: number;
    readonly signatures: number;
    readonly erasedStatements: number;
}

export interface AuditFinding {
    readonly code: string;
    readonly writer: string;
    readonly seq?: number | undefined;
    readonly message: string;
}

export declare class AuditKey {
    #private;
    readonly publicKey: AuditPublicKey;
    private constructor();
    static generate(): AuditKey;
    static read(text: string, where?: string): AuditKey;
    sign(text: string): Buffer;
    toPem(): string;
}

export interface AuditKeyPlace {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly file?: string | undefined;
}

export declare class AuditLog implements KeepingJournal {
    #private;
    readonly before?: (event: EnteringEvent) => Awaitable<void>;
    constructor(options: AuditLogOptions);
    get source(): AuditSource;
    get size(): number;
    note(event: JournalEvent): void;
    write(record: NewRecord, opening?: NewOpening): Promise<number>;
    erase(erasure: Erasure): Promise<number>;
    ready(): Promise<void>;
    flush(): Promise<void>;
    status(): AuditStatus;
    close(): Promise<void>;
}

export interface AuditLogOptions {
    readonly sink: AuditSink;
    readonly origin: string;
    readonly key: AuditKey | string;
    readonly previousKey?: AuditKey | string | undefined;
    readonly mode?: 'required' | 'best-effort' | undefined;
    readonly writer?: string | undefined;
    readonly checkpointEvery?: CheckpointInterval | undefined;
    readonly openings?: boolean | undefined;
    readonly onCheckpoint?: ((note: string) => unknown) | undefined;
    readonly maxQueued?: number | undefined;
}

export declare class AuditPublicKey {
    #private;
    private constructor();
    static read(text: string, where?: string): AuditPublicKey;
    static of(privateKey: KeyObject): AuditPublicKey;
    keyId(name: string): Buffer;
    verifierKey(name: string): string;
    verifies(text: string, signature: Uint8Array): boolean;
    toString(): string;
}

export type AuditRecord = StartedRecord | ClosedRecord | DroppedRecord | KeyRecord | PoliciesRecord | DecidedRecord | OpenedRecord | ToldRecord | VerdictRecord | AmendedRecord | GrantRecord | ConsumedRecord | BegunRecord | EndedRecord | EnteringRecord | SettledRecord | SecurityRecord | AuthorityRecord | CredentialRecord | ErasedRecord | HaltRecord;

export interface AuditReport {
    readonly ok: boolean;
    readonly integrity: AuditVerdict;
    readonly completeness: CompletenessVerdict;
    readonly law: AuditVerdict;
    readonly counts: AuditCounts;
    readonly logs: readonly VerifiedLog[];
    readonly keys: 'given' | 'own';
}

export interface AuditSink {
    open(writer?: string): Awaitable<OpenLog>;
    append(batch: AuditBatch): Awaitable<void>;
    checkpoint(note: string): Awaitable<void>;
    erase(which: (opening: Opening) => boolean): Awaitable<number>;
    readonly source: AuditSource;
    close(): Awaitable<void>;
    another?(): AuditSink;
}

export interface AuditSource {
    writers(): Awaitable<readonly string[]>;
    lines(writer: string, from?: number): AsyncIterable<readonly string[] | {
        readonly torn: string;
    }>;
    checkpoints(writer: string): AsyncIterable<string>;
    lastCheckpoint?(writer: string): Awaitable<string | undefined>;
    openings(writer: string): AsyncIterable<Opening>;
}

export interface AuditStatus {
    readonly state: 'new' | 'open' | 'failed' | 'closed';
    readonly mode: 'required' | 'best-effort';
    readonly writer: string | undefined;
    readonly size: number;
    readonly queued: number;
    readonly dropped: number;
    readonly checkpoint: {
        readonly size: number;
        readonly atMs: number;
    } | undefined;
    readonly error: string | undefined;
}

export interface AuditVerdict {
    readonly ok: boolean;
    readonly findings: readonly AuditFinding[];
    readonly more: number;
}

export interface AuthorityRecord extends RecordFields {
    readonly kind: 'authority';
    readonly tenantId?: string | undefined;
    readonly act: string;
    readonly by: string;
    readonly subject: string;
    readonly holds?: readonly string[] | undefined;
}

export interface BegunRecord extends RecordFields, CallFields {
    readonly kind: 'begun';
    readonly claim: string;
}

export interface CallFields {
    readonly tenantId?: string | undefined;
    readonly decisionId: string;
    readonly agentId: string;
    readonly toolName: string;
}

export interface CheckpointInterval {
    readonly records?: number | undefined;
    readonly ms?: number | undefined;
}

export interface ClosedRecord extends RecordFields {
    readonly kind: 'closed';
}

export type Commitment = string;

export interface CompletenessVerdict extends AuditVerdict {
    readonly proven: boolean;
}

export interface ConsumedRecord extends RecordFields, CallFields {
    readonly kind: 'consumed';
    readonly token: string;
    readonly effective: Commitment;
}

export interface CredentialRecord extends RecordFields {
    readonly kind: 'credential';
    readonly tenantId?: string | undefined;
    readonly act: 'registered' | 'removed';
    readonly person: string;
    readonly credential: string;
    readonly publicKey?: string | undefined;
    readonly by: string;
}

export interface DecidedRecord extends RecordFields, CallFields {
    readonly kind: 'decided';
    readonly callId: string;
    readonly effect: Effect;
    readonly code?: string | undefined;
    readonly policies?: readonly RecordedPolicy[] | undefined;
    readonly policySetHash?: string | undefined;
    readonly dryRun?: true | undefined;
    readonly approvalId?: string | undefined;
    readonly asking?: readonly RecordedApprovalPolicy[] | undefined;
    readonly original: Commitment;
    readonly effective?: Commitment | undefined;
    readonly session?: Commitment | undefined;
    readonly facts?: Commitment | undefined;
    readonly requester?: Commitment | undefined;
    readonly grantId?: string | undefined;
    readonly limits?: readonly RecordedLimit[] | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly removable?: readonly string[] | undefined;
    readonly observed?: readonly RecordedPolicy[] | undefined;
}

export interface DroppedRecord extends RecordFields {
    readonly kind: 'dropped';
    readonly count: number;
}

export interface EndedRecord extends RecordFields, CallFields {
    readonly kind: 'ended';
    readonly how: 'expired' | 'withdrawn';
}

export interface EnteringRecord extends RecordFields, CallFields {
    readonly kind: 'entering';
    readonly taskId?: string | undefined;
    readonly claim?: string | undefined;
    readonly effective: Commitment;
    readonly reused?: true | undefined;
    readonly idempotent?: true | undefined;
}

export interface ErasedRecord extends RecordFields {
    readonly kind: 'erased';
    readonly by: string;
    readonly selector: 'user' | 'decision' | 'before';
    readonly count: number;
}

export interface Erasure {
    readonly user?: string | undefined;
    readonly decision?: string | undefined;
    readonly before?: Date | undefined;
    readonly by: string;
}

export interface EscalatedRecord extends RecordFields, CallFields {
    readonly kind: 'escalated';
    readonly afterMs: number;
    readonly groups: readonly string[];
}

export interface FoundAuditKey {
    readonly key: AuditKey;
    readonly file: string | undefined;
    readonly isExposed: boolean;
}

export interface GrantRecord extends RecordFields, CallFields {
    readonly kind: 'grant';
    readonly how: 'made' | 'used' | 'revoked';
    readonly grantId: string;
    readonly by: string;
    readonly uses?: number | undefined;
    readonly maxUses?: number | undefined;
    readonly expiresAt?: number | undefined;
    readonly lifts?: readonly RecordedPolicy[] | undefined;
}

export interface HaltRecord extends RecordFields {
    readonly kind: 'halt';
    readonly tenantId?: string | undefined;
    readonly how: HaltEvent['how'];
    readonly halt: string;
    readonly all?: true | undefined;
    readonly agentId?: string | undefined;
    readonly toolName?: string | undefined;
    readonly group?: string | undefined;
    readonly pending: 'freeze' | 'cancel';
    readonly until?: number | undefined;
    readonly by: string;
}

export interface JsonlFolderOptions {
    readonly segmentBytes?: number | undefined;
}

export interface KeyRecord extends RecordFields {
    readonly kind: 'key';
    readonly publicKey: string;
    readonly previousPublicKey: string;
}

export declare class MemoryLogs implements AuditSource {
    writers(): readonly string[];
    lines(writer: string, from?: number): AsyncIterable<readonly string[]>;
    checkpoints(writer: string): AsyncIterable<string>;
    lastCheckpoint(writer: string): string | undefined;
    openings(writer: string): AsyncIterable<Opening>;
}

export declare class MemorySink implements AuditSink {
    #private;
    readonly source: MemoryLogs;
    constructor(logs?: MemoryLogs);
    open(asked?: string): OpenLog;
    append({ lines, openings, tree }: AuditBatch): void;
    checkpoint(note: string): void;
    erase(which: (opening: Opening) => boolean): number;
    close(): void;
    another(): MemorySink;
}

export type NewOpening = Omit<Opening, 'seq' | 'at'>;

export type NewRecord = WithoutPlace<AuditRecord>;

export interface OpenLog {
    readonly writer: string;
    readonly tree: TreeState;
    readonly tornBytes: number;
}

export interface OpenRecord {
    readonly record: NewRecord;
    readonly opening?: NewOpening | undefined;
}

export interface OpenedRecord extends RecordFields, CallFields {
    readonly kind: 'opened';
    readonly taskId?: string | undefined;
    readonly policies: readonly RecordedApprovalPolicy[];
    readonly policySetHash?: string | undefined;
    readonly expiresAt: number;
    readonly original: Commitment;
    readonly effective: Commitment;
    readonly preview?: Commitment | undefined;
    readonly requester?: Commitment | undefined;
}

export interface Opening {
    readonly seq: number;
    readonly decisionId: string;
    readonly requester?: string | undefined;
    readonly at: number;
    readonly salt: string;
    readonly values: Readonly<Record<string, string>>;
}

export interface PoliciesRecord extends RecordFields {
    readonly kind: 'policies';
    readonly tenantId?: string | undefined;
    readonly hash: string;
    readonly previousHash?: string | undefined;
    readonly by?: string | undefined;
}

export interface PostgresSinkOptions {
    readonly connectionString: string;
    readonly schema?: string | undefined;
}

export interface ProvenInclusion {
    readonly leaf: Uint8Array;
    readonly index: number;
    readonly size: number;
    readonly root: Uint8Array;
}

export interface RecordFields {
    readonly v: 1;
    readonly seq: number;
    readonly at: number;
    readonly writer: string;
    readonly change?: string | undefined;
    readonly committedAt?: number | undefined;
}

export interface RecordedApprovalPolicy extends RecordedPolicy, Pick<ApprovalPolicy, 'severity' | 'approvers' | 'selfApproval' | 'quorum' | 'distinct' | 'escalate' | 'editorMayApprove' | 'needsPreview'> {
}

export interface RecordedLimit extends RecordedPolicy {
    readonly calls?: number | undefined;
    readonly windowMs?: number | undefined;
    readonly isSliding?: true | undefined;
    readonly by?: readonly string[] | undefined;
}

export interface RecordedPolicy {
    readonly id: string;
    readonly hash: string;
}

export interface RemindedRecord extends RecordFields, CallFields {
    readonly kind: 'reminded';
    readonly groups: readonly string[];
    readonly percent: 50 | 80;
}

export interface SecurityRecord extends RecordFields {
    readonly kind: 'security';
    readonly tenantId?: string | undefined;
    readonly code: string;
    readonly agentId?: string | undefined;
    readonly toolName?: string | undefined;
    readonly decisionId?: string | undefined;
}

export interface SettledRecord extends RecordFields, CallFields {
    readonly kind: 'settled';
    readonly taskId?: string | undefined;
    readonly outcome: RunOutcome['status'] | 'withheld';
    readonly bySuccessor?: true | undefined;
    readonly reported?: true | undefined;
}

export interface StartedRecord extends RecordFields {
    readonly kind: 'started';
    readonly source: 'library' | 'server';
    readonly version: string;
    readonly mode: 'required' | 'best-effort';
    readonly process?: string | undefined;
    readonly publicKey: string;
    readonly tornBytes?: number | undefined;
}

export interface StoredEvidence {
    heads?(): Iterable<string> | AsyncIterable<string>;
    approvals?(): Iterable<StoredUse> | AsyncIterable<StoredUse>;
}

export type StoredUse = Pick<ApprovalRecord, 'decisionId' | 'consumed' | 'begun'> & {
    readonly verdicts?: readonly Pick<Verdict, 'atMs'>[] | undefined;
};

export type ToldRecord = RemindedRecord | EscalatedRecord;

export interface TreeHead {
    readonly size: number;
    readonly root: Uint8Array;
}

export interface TreeState {
    readonly size: number;
    readonly nodes: readonly string[];
    readonly lastAt: number;
}

export interface VerdictRecord extends RecordFields, CallFields {
    readonly kind: 'verdict';
    readonly by: string;
    readonly approved: boolean;
    readonly status: ApprovalRecord['status'];
    readonly policies?: readonly string[] | undefined;
    readonly assurance?: Assurance | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly isRequester?: true | undefined;
    readonly effective: Commitment;
    readonly reason?: Commitment | undefined;
    readonly proof?: Omit<VerdictProof, 'nonce'> | undefined;
    readonly statement?: Commitment | undefined;
}

export interface VerifiedLog {
    readonly writer: string;
    readonly origin?: string | undefined;
    readonly size: number;
    readonly signed: number;
    readonly covered: number;
    readonly root: string;
    readonly keys: readonly string[];
    readonly closed: boolean;
}

export interface VerifyOptions {
    readonly keys?: readonly (AuditPublicKey | string)[] | undefined;
    readonly heads?: readonly string[] | undefined;
    readonly store?: StoredEvidence | undefined;
    readonly waitMs?: number | undefined;
    readonly allowUnsigned?: boolean | undefined;
    readonly openings?: boolean | undefined;
    readonly maxFindings?: number | undefined;
    readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

export interface VerifyProgress {
    readonly writer: string;
    readonly records: number;
}

export declare function auditLog(options: AuditLogOptions): AuditLog;

export declare function canonicalLine(record: AuditRecord): string;

export declare function commitmentOf(field: string, salt: string, digest: string): Commitment;

export declare function consistencyProof(leaves: readonly Buffer[], size: number): readonly Buffer[];

export declare function findAuditKey(place: AuditKeyPlace): FoundAuditKey | undefined;

export declare function inclusionProof(leaves: readonly Buffer[], index: number): readonly Buffer[];

export declare function jsonlFolder(folder: string | URL, options?: JsonlFolderOptions): AuditSink;

export declare function leafHash(line: string): Buffer;

export declare function makeAuditKey(file: string): FoundAuditKey;

export declare function postgresSink(connection: string | PostgresSinkOptions): AuditSink;

export declare function sqliteSink(path: string | URL): AuditSink;

export declare function verifyAudit(source: AuditSource, options?: VerifyOptions): Promise<AuditReport>;

export declare function verifyConsistency(earlier: TreeHead, later: TreeHead, proof: readonly Uint8Array[]): boolean;

export declare function verifyInclusion({ leaf, index, size, root }: ProvenInclusion, proof: readonly Uint8Array[]): boolean;
