import type { Params, Session } from './Params.js';

/** What a decision demands. Anything else a service may say is treated as `deny`. */
export type Effect = 'allow' | 'deny' | 'sanitize' | 'approval_needed';

/** One thing a call violates, in the protocol's words. */
export interface Violation {
  readonly type: string;
  readonly message: string;
  readonly field?: string | undefined;
  readonly condition?: string | undefined;
  /** What the call had. For logs and approvers; never shown to a model, never part of an error's message or JSON. */
  readonly actualValue?: unknown;
  readonly limitType?: string | undefined;
}

interface DecisionFields {
  /** Names this decision at the service that made it. */
  readonly decisionId: string;
  /** Whom and what the service says it decided on. Where given, they must be the call's own, or the answer is refused. */
  readonly agentId?: string | undefined;
  readonly toolName?: string | undefined;
  readonly requestId?: string | undefined;
  readonly tenantId?: string | undefined;
  /** Why, in words its author meant for the caller. */
  readonly reason?: string | undefined;
  readonly violations?: readonly Violation[] | undefined;
  /** Hash of the policy set that decided, where the service tells. */
  readonly policySetHash?: string | undefined;
  /** How the policies were evaluated; free form. */
  readonly policyEvaluations?: readonly unknown[] | undefined;
  readonly latencyMs?: number | undefined;
}

/** Run with the snapshot as it is. */
export interface AllowDecision extends DecisionFields {
  readonly effect: 'allow';
  /** An allow never replaces params; one that has any is refused. */
  readonly params?: undefined;
}

/** Do not run. */
export interface DenyDecision extends DecisionFields {
  readonly effect: 'deny';
}

/** Run with `params`: the complete params, never a delta. */
export interface SanitizeDecision extends DecisionFields {
  readonly effect: 'sanitize';
  readonly params: Params;
  /** Why they were replaced. */
  readonly message?: string | undefined;
}

/** A person has to decide. */
export interface ApprovalNeededDecision extends DecisionFields {
  readonly effect: 'approval_needed';
  /** The complete params that would run, where they differ from the call's; approvers see these. */
  readonly params?: Params | undefined;
  readonly message?: string | undefined;
  readonly approvalId?: string | undefined;
  /** When the approval ends, in epoch milliseconds, where the service owns that. */
  readonly expiresAtMs?: number | undefined;
}

/** The answer to one call. */
export type Decision = AllowDecision | DenyDecision | SanitizeDecision | ApprovalNeededDecision;

/** Where an approval stands. */
export interface DecisionStatus {
  readonly decisionId: string;
  /** `expired`: nobody decided in time. `invalid`: the service answered something that cannot be believed; the task fails. */
  readonly state: 'pending' | 'approved' | 'denied' | 'expired' | 'invalid';
  /** Why, from the person who decided or the service. */
  readonly reason?: string | undefined;
  /** Who decided, where known. */
  readonly by?: string | undefined;
}

/** One call, as a decision service sees it. Everything in it is a frozen copy. */
export interface DecisionRequest {
  /** Unique to this call; also its idempotency key and nonce. */
  readonly callId: string;
  readonly agentId: string;
  readonly toolName: string;
  /** The key of the guard (by default the tool's name). */
  readonly guardKey: string;
  readonly params: Params;
  /** SHA-256 over the params' canonical form; computed when first read. */
  readonly paramsDigest: string;
  readonly session: Session | null;
  /** SHA-256 over the session's canonical form; computed when first read. */
  readonly sessionDigest: string;
  /** Action groups of the guard. */
  readonly groups: readonly string[];
  /** Params that are left out of decision and digest; only their names are known. */
  readonly opaque: readonly string[];
  /** Params that a sanitize may remove: the guard's schema makes them optional without a default. */
  readonly removable: readonly string[];
  /** How long the guard lets an approval wait, in milliseconds. */
  readonly approvalTimeoutMs: number;
}
