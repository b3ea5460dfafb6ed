// What 'aegislib/decision' exports. Written by npm run api:update; review what changes here.

export interface AllowDecision extends DecisionFields {
    readonly effect: 'allow';
    readonly params?: undefined;
}

export interface AmendInput extends Omit<VerdictInput, 'edit' | 'key'>, EditInput {
}

export { ApprovalDesk } from 'aegislib';

export interface ApprovalDeskOptions extends EligibilityRules {
    readonly maxPendingPerTool?: number | undefined;
    readonly denialTtlMs?: number | undefined;
}

export interface ApprovalNeededDecision extends DecisionFields {
    readonly effect: 'approval_needed';
    readonly params?: Params | undefined;
    readonly message?: string | undefined;
    readonly approvalId?: string | undefined;
    readonly expiresAtMs?: number | undefined;
    readonly offers?: readonly Capability[] | undefined;
}

export interface ApprovalOptions extends AskOptions {
    readonly offers?: readonly Capability[] | undefined;
}

export interface ApprovalPreview {
    readonly of: string;
    readonly digest: string;
    readonly content?: CallPreview | undefined;
    readonly failure?: PreviewFailure | undefined;
}

export interface ApprovalUse extends ApprovedCall {
    readonly token: string;
    readonly params?: Params | undefined;
    readonly offers?: readonly Capability[] | undefined;
}

export interface ApprovedCall {
    readonly decisionId: string;
    readonly digest: string;
    readonly bindingBase: string;
}

export type { Approver } from 'aegislib';

export interface AskOptions {
    readonly signal?: AbortSignal | undefined;
}

export type { Awaitable } from 'aegislib/store';

export type Capability = (typeof ALL)[number];

export interface CountersOptions {
    readonly durable?: boolean | undefined;
}

export declare const DEFAULT_LIMITS: SnapshotLimits;

export interface DataPlaneRequirements {
    readonly require?: readonly Capability[] | undefined;
}

export type { Decision } from 'aegislib';

export interface DecisionRequest {
    readonly callId: string;
    readonly agentId: string;
    readonly toolName: string;
    readonly guardKey: string;
    readonly params: Params;
    readonly paramsDigest: string;
    readonly session: Session | null;
    readonly sessionDigest: string;
    readonly bindingBase: string;
    readonly groups: readonly string[];
    readonly opaque: readonly string[];
    readonly removable: readonly string[];
    readonly approvalTimeoutMs: number;
    readonly wireTypes?: 'string' | undefined;
    readonly sensitive?: Sensitive | undefined;
    readonly preview?: ((params: Params) => Awaitable<PreviewOutcome>) | undefined;
}

export type { DecisionService } from 'aegislib';

export type { DecisionStatus } from 'aegislib';

export type DenialCode = 'halted' | 'halt_unknown' | 'limit_reached' | 'limit_cost' | 'limit_unavailable' | 'preview_failed';

export interface DenyDecision extends DecisionFields {
    readonly effect: 'deny';
    readonly code?: DenialCode | undefined;
}

export interface DescribedApproval extends Pick<ApprovalRecord, 'decisionId' | 'toolName' | 'agentId' | 'requester' | 'requesterKnown' | 'reason' | 'refusals' | 'originalParams' | 'params' | 'opaque' | 'sensitive' | 'message' | 'session' | 'facts' | 'preview' | 'digest' | 'expiresAtMs'> {
    readonly policies: readonly Pick<ApprovalRecord['policies'][number], 'id' | 'severity' | 'approvers' | 'quorum' | 'distinct' | 'escalate'>[];
    readonly amendments?: readonly {
        readonly by: string;
        readonly name?: string | undefined;
        readonly params?: ApprovalRecord['params'] | undefined;
        readonly changes: readonly {
            readonly pointer: string;
        }[];
    }[] | undefined;
    readonly verdicts?: readonly Pick<ApprovalRecord['verdicts'][number], 'approve' | 'by' | 'assurance' | 'policies'>[] | undefined;
}

export interface DeskEvents {
    requested: [ApprovalRecord];
    settled: [ApprovalRecord];
    changed: [ApprovalRecord];
}

export interface Directory {
    personOf(id: string): Awaitable<DirectoryPerson | undefined>;
    hasPeople(): Awaitable<boolean>;
}

export interface DirectoryPerson {
    readonly id: string;
    readonly name: string;
    readonly ids: readonly string[];
    readonly groups: readonly string[];
    readonly groupsFrom: string;
    readonly epoch?: number | undefined;
    readonly mayDecide?: boolean | undefined;
    readonly groupsIncomplete?: true | undefined;
}

export interface EditInput extends ParamsEdit {
    readonly editedDigest?: string | undefined;
    readonly asking?: string | undefined;
}

export interface EditPreview extends EditedApproval {
    readonly standing: ViewerStanding;
}

export interface EditedApproval {
    readonly approval: ApprovalRecord;
    readonly digest: string;
    readonly changes: readonly ParamChange[];
    readonly added: readonly string[];
    readonly asking: string;
}

export type Effect = 'allow' | 'deny' | 'sanitize' | 'approval_needed';

export interface EligibilityRules {
    readonly approverGroups?: Readonly<Record<string, readonly string[]>> | undefined;
    readonly mayApprove?: ((by: string, request: ApprovalRecord, policy: ApprovalPolicy) => Awaitable<boolean>) | undefined;
    readonly directory?: Directory | undefined;
    readonly requireRequester?: boolean | undefined;
    readonly requireKnownRequester?: boolean | undefined;
}

export { EmbeddedDecisionService } from 'aegislib';

export interface EmbeddedDecisionServiceOptions {
    readonly policies: PolicySupplier;
    readonly desk: ApprovalDesk;
    readonly facts?: FactsHook | undefined;
    readonly factsTimeoutMs?: number | undefined;
    readonly unattended?: 'pending' | 'deny' | undefined;
    readonly grants?: Grants | undefined;
    readonly exposePolicies?: boolean | undefined;
    readonly counters?: CountersOptions | undefined;
    readonly logger?: Logger | undefined;
    readonly tellDeveloper?: ((line: string) => void) | undefined;
}

export interface ExecutionStart {
    readonly decisionId: string;
    readonly token: string;
    readonly claimToken: string;
}

export interface FactsCall {
    readonly agentId: string;
    readonly toolName: string;
    readonly params: Params;
    readonly session: Session | null;
}

export type { FactsHook } from 'aegislib';

export interface ForbiddenErrorOptions extends ErrorOptions {
    readonly code?: string | undefined;
    readonly agentId?: string | undefined;
    readonly toolName?: string | undefined;
    readonly decision?: Decision | undefined;
}

export interface Grant extends GrantScope {
    readonly id: string;
    readonly version: number;
    readonly maxUses: number;
    readonly used: number;
    readonly createdAtMs: number;
    readonly expiresAtMs: number;
    readonly by: string;
    readonly name?: string | undefined;
    readonly assurance?: Assurance | undefined;
    readonly reason?: string | undefined;
    readonly fromDecision: string;
    readonly revoked?: GrantRevocation | undefined;
}

export interface GrantAct {
    readonly by: string;
    readonly reason?: string | undefined;
}

export interface GrantHistory {
    readonly asked: number;
    readonly covered: number;
    readonly refused: readonly RefusedBefore[];
    readonly unclear: number;
    readonly unclearRefused: readonly RefusedBefore[];
    readonly more?: true | undefined;
}

export interface GrantInput extends GrantLoosening {
    readonly uses: number;
    readonly forMs: number;
}

export interface GrantLoosening {
    readonly loosen?: GrantTerms | undefined;
    readonly loosenSession?: GrantTerms | undefined;
    readonly loosenFacts?: GrantTerms | undefined;
    readonly anyRequester?: boolean | undefined;
}

export interface GrantProposal {
    readonly decisionId: string;
    readonly digest: string;
    readonly why?: string | undefined;
    readonly ceiling?: GrantCeiling | undefined;
    readonly values: readonly ProposedValue[];
    readonly history: GrantHistory;
}

export interface GrantQuery {
    readonly agentId?: string | undefined;
    readonly toolName?: string | undefined;
    readonly by?: string | undefined;
    readonly active?: boolean | undefined;
}

export interface GrantRevocation {
    readonly by: string;
    readonly atMs: number;
    readonly reason?: string | undefined;
}

export interface GrantScope {
    readonly agentId: string;
    readonly toolName: string;
    readonly guardKey: string;
    readonly requester: string;
    readonly anyRequester?: true | undefined;
    readonly params: Params;
    readonly originalParams?: Params | undefined;
    readonly session: Session | null;
    readonly facts: Readonly<Record<string, unknown>>;
    readonly loosened: {
        readonly params: GrantTerms;
        readonly session: GrantTerms;
        readonly facts: GrantTerms;
    };
    readonly lifts: readonly {
        readonly id: string;
        readonly hash: string;
    }[];
}

export type GrantTerm = 'any' | {
    readonly '>='?: number | undefined;
    readonly '>'?: number | undefined;
    readonly '<='?: number | undefined;
    readonly '<'?: number | undefined;
} | {
    readonly in: readonly GrantValue[];
} | {
    readonly startsWith: string;
} | {
    readonly endsWith: string;
};

export type GrantTerms = Readonly<Record<string, GrantTerm>>;

export type GrantValue = string | number | boolean;

export declare class Grants {
    #private;
    constructor({ desk, records, now, journal }: GrantsOptions);
    propose(decisionId: string, loosening?: GrantLoosening): Promise<GrantProposal>;
    list(query?: GrantQuery): Promise<readonly Grant[]>;
    get(id: string): Promise<Grant | undefined>;
    revoke(id: string, act: GrantAct): Promise<Grant>;
    explain(id: string): Promise<string>;
}

export interface GrantsOptions {
    readonly desk: ApprovalDesk;
    readonly records: (() => Awaitable<RecordStore>) | undefined;
    readonly now: () => number;
    readonly journal?: Journal | undefined;
}

export interface LimitState {
    readonly key: string;
    readonly policyId: string;
    readonly by: Readonly<Record<string, string>>;
    readonly kind: 'fixed' | 'sliding';
    readonly windowMs: number;
    readonly used: number;
    readonly limit: number;
    readonly endsAtMs: number;
    readonly level: 'free' | 'near' | 'full';
}

export declare class Limits {
    #private;
    constructor(counters: () => CounterStore);
    list(): Promise<readonly LimitState[]>;
}

export interface ObservedPolicy {
    readonly id: string;
    readonly hash: string;
}

export interface ParamChange {
    readonly pointer: string;
    readonly before?: unknown;
    readonly after?: unknown;
}

export type { Params } from 'aegislib';

export interface ParamsEdit {
    readonly set?: Readonly<Record<string, unknown>> | undefined;
    readonly remove?: readonly string[] | undefined;
}

export interface PolicySupplier {
    readonly engine: PolicyEngine;
    decided?(call: PolicyCall, outcome: PolicyOutcome, engine: PolicyEngine): void;
    close?(): void;
}

export type PreviewFailure = 'threw' | 'timeout' | 'too_large' | 'not_plain' | 'malformed' | 'nested';

export type PreviewOutcome = {
    readonly content: CallPreview;
    readonly failure?: undefined;
} | {
    readonly failure: PreviewFailure;
    readonly content?: undefined;
};

export interface ProposedValue {
    readonly in: 'params' | 'session' | 'facts';
    readonly path: string;
    readonly value: GrantValue;
}

export interface ReevaluateOptions extends ApprovalOptions {
    readonly idempotencyKey?: string | undefined;
}

export interface RefusedBefore {
    readonly decisionId: string;
    readonly by: string | undefined;
    readonly atMs: number;
}

export { RemoteDecisionService } from 'aegislib';

export interface RemoteDecisionServiceOptions {
    readonly apiKey: SecretString | string;
    readonly baseUrl?: string | URL | undefined;
    readonly timeoutMs?: number | undefined;
    readonly retries?: number | undefined;
    readonly userAgent?: string | undefined;
    readonly maxBodyBytes?: number | undefined;
    readonly allowInsecureHttp?: boolean | undefined;
    readonly dataPlane?: DataPlaneRequirements | undefined;
    readonly random?: (() => number) | undefined;
    readonly logger?: Logger | undefined;
}

export interface RunReport extends Pick<RunOutcome, 'status' | 'errorCode'> {
    readonly decisionId: string;
    readonly token: string;
}

export interface SanitizeDecision extends DecisionFields {
    readonly effect: 'sanitize';
    readonly params: Params;
    readonly message?: string | undefined;
}

export interface ServiceErrorOptions extends ErrorOptions {
    readonly code?: string | undefined;
    readonly status?: number | undefined;
}

export type { Session } from 'aegislib';

export interface SnapshotLimits {
    readonly maxBytes: number;
    readonly maxDepth: number;
    readonly maxKeys: number;
}

export interface StandingVerdict {
    readonly status: string;
    readonly by?: string | undefined;
    readonly atMs?: number | undefined;
    readonly reason?: string | undefined;
}

export declare class SteadyClock {
    #private;
    notBefore(epochMs: number): void;
    now(): number;
}

export interface Terminal {
    readonly input: Readable & {
        ref?(): unknown;
        unref?(): unknown;
    };
    readonly output: Writable & {
        readonly columns?: number;
    };
}

export type { TerminalApproverOptions } from 'aegislib';

export type UnbelievableReason = 'malformed' | 'echo_mismatch' | 'redirect' | 'too_large' | 'duplicate_key' | 'replayed_decision' | 'capability_missing' | 'circuit_open' | 'asynchronous' | 'service_threw' | 'journal_failed' | 'audit_unavailable' | 'halt_unknown';

export type { VerdictInput } from 'aegislib';

export interface VerdictNeeds {
    readonly assurance: 'session' | 'code' | 'passkey';
    readonly code: boolean;
    readonly reason: 'needed' | 'optional';
    readonly passkey: boolean;
}

export type VerdictStatus = 400 | 403 | 404 | 409 | 422 | 428 | 503;

export interface ViewedSeats {
    readonly id: string;
    readonly needed: number;
    readonly filledBy: readonly string[];
}

export interface ViewerStanding {
    readonly may: boolean;
    readonly why: {
        readonly code: string;
        readonly message: string;
    } | undefined;
    readonly policies: readonly string[];
    readonly needs: VerdictNeeds;
    readonly mayDeny: boolean;
    readonly yesSoFar: number;
    readonly seats: readonly ViewedSeats[];
    readonly seatsAfter: readonly ViewedSeats[];
    readonly isLastYes: boolean;
}

export interface Violation {
    readonly type: string;
    readonly message: string;
    readonly field?: string | undefined;
    readonly condition?: string | undefined;
    readonly actualValue?: unknown;
    readonly limitType?: string | undefined;
}

export type WatchedStatus = DecisionStatus | 'resync';

export declare function describeApproval(record: DescribedApproval): readonly string[];

export declare function forwardingService(inner: DecisionService, overrides?: Partial<DecisionService>): DecisionService;
