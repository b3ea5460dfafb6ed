// What 'aegislib/policy' exports. Written by npm run api:update; review what changes here.

export interface AgentConfig {
    readonly roles?: readonly string[] | undefined;
    readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

export interface AppliedLimit {
    readonly policy: AppliedPolicy;
    readonly terms: LimitTerms;
    readonly observed?: boolean | undefined;
}

export interface AppliedPolicy extends ApprovalTerms {
    readonly id: string;
    readonly hash: string;
    readonly effect: 'permit' | 'deny' | 'sanitize' | 'limit' | 'approval_needed';
    readonly reason?: string | undefined;
    readonly severity?: string | undefined;
    readonly approvers?: readonly string[] | undefined;
    readonly approvalTimeoutMs?: number | undefined;
    readonly selfApproval?: boolean | undefined;
    readonly summary?: readonly string[] | undefined;
}

export type { ApprovalTerms } from 'aegislib/store';

export declare class CedarPolicyEngine implements PolicyEngine {
    #private;
    private constructor();
    static load(options: CedarPolicyEngineOptions): CedarPolicyEngine;
    withAgents(agents: Readonly<Record<string, AgentConfig>>): CedarPolicyEngine;
    get hash(): string;
    get hasLimits(): boolean;
    get uncompiledPolicies(): readonly string[];
    evaluate(call: PolicyCall): PolicyOutcome;
    release(): void;
}

export interface CedarPolicyEngineOptions {
    readonly sources: readonly SourceText[];
    readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
    readonly toolset?: string | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly verify?: number | undefined;
    readonly logger?: Logger | undefined;
}

export interface ConfigProblem {
    readonly where: string;
    readonly message: string;
}

export type DenyCode = 'no_permit' | 'forbidden' | 'policy_error' | 'null_read' | 'sanitize_failed' | 'tool_is_group';

export type DifferenceKind = 'newlyAllowed' | 'asksFewer' | 'milder' | 'changed' | 'stricter';

export interface DifferenceReport {
    readonly compared: number;
    readonly differences: Readonly<Record<DifferenceKind, number>>;
    readonly rows: readonly DifferenceRow[];
    readonly otherCalls: number;
}

export interface DifferenceRow {
    readonly kind: DifferenceKind;
    readonly toolName: string;
    readonly from: Effect;
    readonly to: Effect;
    readonly before: readonly string[];
    readonly after: readonly string[];
    readonly calls: number;
    readonly firstAtMs: number;
    readonly lastAtMs: number;
}

export type { Escalation } from 'aegislib/store';

export interface EvaluationProblem {
    readonly policyId: string;
    readonly problem: string;
}

export type { GrantCeiling } from 'aegislib/store';

export type LimitDimension = 'tenant' | 'agent' | 'tool' | 'session' | `session/${string}`;

export interface LimitTerms {
    readonly limit: number;
    readonly windowMs: number;
    readonly kind: 'fixed' | 'sliding';
    readonly by: readonly LimitDimension[];
    readonly cost?: string | undefined;
    readonly over: 'deny' | 'approval_needed';
    readonly warnAt?: number | undefined;
}

export interface LintFinding extends PolicyProblem {
    readonly severity: 'error' | 'warning' | 'info';
}

export interface LintPoliciesOptions {
    readonly schema?: string | undefined;
    readonly timeoutMs?: number | undefined;
}

export type LoosenedApproval = 'approvers' | 'self_approval' | 'approval_timeout_s' | 'severity' | 'quorum' | 'distinct' | 'escalate' | 'editor_may_approve' | 'grantable' | 'editable' | 'show_approver' | 'needs_preview';

export type LoosenedLimit = 'limit' | 'cost' | 'over';

export interface LoosenedPolicy {
    readonly id: string;
    readonly file: string;
    readonly how: 'removed' | 'effect' | 'condition' | 'scope' | 'sanitize' | 'may_permit' | 'observe' | LoosenedLimit | LoosenedApproval;
    readonly message: string;
}

export interface ObservedCount {
    readonly policyId: string;
    readonly toolName: string;
    readonly calls: number;
    readonly firstAtMs: number;
    readonly lastAtMs: number;
    readonly untilMs: number;
}

export interface PendingReload {
    readonly hash: string;
    readonly loosened: readonly LoosenedPolicy[];
}

export interface PoliciesInForce {
    readonly hash: string;
    readonly source: PolicySource;
    readonly sinceMs: number;
    readonly by?: string | undefined;
}

export interface PolicyCall {
    readonly agentId: string;
    readonly toolName: string;
    readonly groups: readonly string[];
    readonly params: Params;
    readonly session: Session | null;
    readonly facts: Readonly<Record<string, unknown>>;
    readonly nowMs: number;
    readonly removable: readonly string[];
}

export interface PolicyEngine {
    readonly hash: string;
    readonly hasLimits?: boolean | undefined;
    evaluate(call: PolicyCall): PolicyOutcome;
}

export type PolicyOutcome = ({
    readonly effect: 'allow';
    readonly policies: readonly AppliedPolicy[];
} & Observing) | {
    readonly effect: 'deny';
    readonly code: DenyCode;
    readonly reason: string;
    readonly detail?: string | undefined;
    readonly problems?: readonly EvaluationProblem[] | undefined;
    readonly policies: readonly AppliedPolicy[];
} | ({
    readonly effect: 'sanitize';
    readonly params: Params;
    readonly message: string;
    readonly policies: readonly AppliedPolicy[];
} & Observing) | ({
    readonly effect: 'approval_needed';
    readonly params?: Params | undefined;
    readonly message?: string | undefined;
    readonly reason: string;
    readonly approvals: readonly AppliedPolicy[];
    readonly policies: readonly AppliedPolicy[];
} & Observing);

export interface PolicyProblem {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly message: string;
    readonly policyId?: string | undefined;
}

export type PolicySource = string | URL | {
    readonly text: string;
};

export interface PolicyTestResult {
    readonly name: string;
    readonly passed: boolean;
    readonly differences: readonly string[];
}

export interface PromoteOptions {
    readonly hash: string;
    readonly by: string;
    readonly maxNewlyAllowed?: number | undefined;
    readonly minDecisions?: number | undefined;
}

export interface PromoteRefusal {
    readonly code: 'hash' | 'gone' | 'too_few_decisions' | 'too_many_newly_allowed';
    readonly message: string;
}

export type PromoteResult = {
    readonly status: 'applied';
    readonly hash: string;
} | {
    readonly status: 'held';
    readonly hash: string;
    readonly loosened: readonly LoosenedPolicy[];
} | {
    readonly status: 'refused';
    readonly hash: string;
    readonly refusal: PromoteRefusal;
};

export type ReloadResult = {
    readonly status: 'unchanged' | 'applied';
    readonly hash: string;
} | {
    readonly status: 'held';
    readonly hash: string;
    readonly loosened: readonly LoosenedPolicy[];
} | {
    readonly status: 'failed';
    readonly hash: string;
    readonly error: ConfigError;
};

export declare class ReloadablePolicies {
    #private;
    constructor(given: ReloadablePoliciesOptions);
    get engine(): CedarPolicyEngine;
    get hash(): string;
    get inForce(): PoliciesInForce;
    get pending(): PendingReload | undefined;
    reload(): Promise<ReloadResult>;
    confirm(hash: string): boolean;
    stage(options: StageOptions): Promise<StagedPolicies>;
    get staged(): StagedPolicies | undefined;
    promote(options: PromoteOptions): Promise<PromoteResult>;
    dropStaged(hash: string): boolean;
    observed(): readonly ObservedCount[];
    decided(call: PolicyCall, outcome: PolicyOutcome, engine: PolicyEngine): void;
    close(): void;
}

export interface ReloadablePoliciesOptions {
    readonly source: PolicySource;
    readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
    readonly toolset?: string | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly verify?: number | undefined;
    readonly watch?: boolean | undefined;
    readonly onLoosened?: 'hold' | 'accept' | undefined;
    readonly onReload?: ((result: ReloadResult) => void) | undefined;
    readonly journal?: Journal | undefined;
    readonly logger?: Logger | undefined;
}

export interface SourceText {
    readonly file: string;
    readonly text: string;
}

export interface StageOptions {
    readonly source: PolicySource | {
        readonly files: readonly SourceText[];
    };
    readonly sample?: number | undefined;
}

export declare class StagedPolicies {
    #private;
    constructor(engine: CedarPolicyEngine, against: string, sample: number);
    get hash(): string;
    report(): StagedReport;
}

export interface StagedReport extends DifferenceReport {
    readonly hash: string;
    readonly against: string;
    readonly stagedAtMs: number;
    readonly sinceMs: number;
    readonly sample: number;
    readonly skipped: number;
}

export declare function lintPolicies(sources: readonly SourceText[], options?: LintPoliciesOptions): Promise<LintFinding[]>;

export declare function readPolicies(source: PolicySource): SourceText[];

export declare function runPolicyTests(engine: CedarPolicyEngine, json: unknown): PolicyTestResult[];
