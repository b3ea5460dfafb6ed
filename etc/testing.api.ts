// What 'aegislib/testing' exports. Written by npm run api:update; review what changes here.

export type DecisionScript = readonly ScriptedAnswer[] | ((request: DecisionRequest, n: number) => Awaitable<ScriptedAnswer>);

export interface ExpectGuardedOptions {
    readonly except?: readonly string[] | undefined;
}

export interface ExpectedApproval extends ExpectedSanitize {
    readonly reason?: string | RegExp | undefined;
    readonly approvals?: readonly string[] | undefined;
}

export interface ExpectedDecision {
    readonly violations?: readonly string[] | undefined;
    readonly policies?: readonly string[] | undefined;
}

export interface ExpectedDenial extends ExpectedDecision {
    readonly reason?: string | RegExp | undefined;
    readonly code?: DenyCode | LimitCode | undefined;
}

export interface ExpectedSanitize extends ExpectedDecision {
    readonly params?: Readonly<Record<string, unknown>> | undefined;
    readonly message?: string | RegExp | undefined;
}

export type LimitCode = 'limit_reached' | 'limit_cost' | 'limit_unavailable';

export type PoliciesUnderTest = PolicySource | PolicyEngine | {
    readonly engine: PolicyEngine;
};

export declare class PolicyExpectation {
    #private;
    readonly outcome: TestedOutcome;
    get effect(): Effect;
    get reason(): string | undefined;
    get message(): string | undefined;
    get reasons(): readonly string[];
    get params(): Params | undefined;
    get policies(): readonly AppliedPolicy[];
    get violations(): readonly AppliedPolicy[];
    toAllow(expected?: ExpectedDecision): this;
    toDeny(expected?: ExpectedDenial): this;
    toSanitize(expected?: ExpectedSanitize): this;
    toNeedApproval(expected?: ExpectedApproval): this;
}

export interface RecordedCall {
    readonly request: DecisionRequest;
    readonly decisionId?: string | undefined;
    readonly decision?: Decision | undefined;
    readonly error?: unknown;
}

export declare class RecordingDecisionService implements DecisionService {
    #private;
    readonly calls: readonly RecordedCall[];
    readonly dryRun?: NonNullable<DecisionService['dryRun']>;
    readonly statuses?: NonNullable<DecisionService['statuses']>;
    readonly watch?: NonNullable<DecisionService['watch']>;
    readonly verify?: NonNullable<DecisionService['verify']>;
    readonly consume?: NonNullable<DecisionService['consume']>;
    readonly begin?: NonNullable<DecisionService['begin']>;
    readonly withdraw?: NonNullable<DecisionService['withdraw']>;
    readonly expire?: NonNullable<DecisionService['expire']>;
    readonly ready?: NonNullable<DecisionService['ready']>;
    readonly close?: NonNullable<DecisionService['close']>;
    readonly reevaluate?: NonNullable<DecisionService['reevaluate']>;
    constructor(answers?: DecisionScript | DecisionService);
    decide(request: DecisionRequest, options: AskOptions): Awaitable<Decision>;
    status(decisionId: string, options: AskOptions): Awaitable<DecisionStatus>;
    approve(decisionId: string, by?: string): void;
    deny(decisionId: string, reason?: string, by?: string): void;
}

export type ScriptedAnswer = Exclude<Effect, 'sanitize'> | Unnamed<Decision>;

export interface SimulateApproverOptions {
    readonly after?: number | undefined;
    readonly decide?: ((request: ApprovalRecord) => Awaitable<SimulatedVerdict>) | undefined;
    readonly by?: string | undefined;
}

export interface SimulatedApprover extends Disposable {
    readonly requests: readonly ApprovalRecord[];
    readonly problems: readonly Error[];
    stop(): void;
}

export type SimulatedVerdict = 'approve' | 'deny'
 | 'ignore' | {
    readonly verdict: 'approve' | 'deny';
    readonly by?: string | readonly string[] | undefined;
    readonly reason?: string | undefined;
};

export interface SnapshotCall extends TestCall {
    readonly name?: string | undefined;
}

export interface TestCall extends AgentConfig {
    readonly agentId: string;
    readonly toolName: string;
    readonly params?: Readonly<Record<string, unknown>> | undefined;
    readonly session?: Session | null | undefined;
    readonly facts?: Readonly<Record<string, unknown>> | undefined;
    readonly groups?: readonly string[] | undefined;
    readonly removable?: readonly string[] | undefined;
    readonly nowMs?: number | undefined;
    readonly limits?: UsedLimits | undefined;
}

export type TestedOutcome = PolicyOutcome | {
    readonly effect: 'deny';
    readonly code: LimitCode;
    readonly reason: string;
    readonly policies: readonly AppliedPolicy[];
};

export type UsedLimits = Readonly<Record<string, {
    readonly used: number;
}>>;

export declare function expectDecision(policies: PoliciesUnderTest, call: TestCall): PolicyExpectation;

export declare function expectGuarded(subject: unknown, options?: ExpectGuardedOptions): void;

export declare function policySnapshot(policies: PoliciesUnderTest, calls: readonly SnapshotCall[]): string;

export declare function simulateApprover(module: AegisModule, options?: SimulateApproverOptions): SimulatedApprover;
