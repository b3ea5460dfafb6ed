import type { Params, Session } from './Params.js';

/** What a decision demands. Anything else a service may say is treated as `deny`. */
export type Effect = 'allow' | 'deny' | 'sanitize' | 'approval_needed';

/** One thing a call violates, in the protocol's words. */
export interface Violation {
  /** What kind of rule was violated. */
  readonly type: string;
  /** The violation in words. */
  readonly message: string;
  /** The param it is about. */
  readonly field?: string | undefined;
  /** The condition that did not hold. */
  readonly condition?: string | undefined;
  /** What the call had. For logs and approvers; never shown to a model, never part of an error's message or JSON. */
  readonly actualValue?: unknown;
  /** Which limit was exceeded. */
  readonly limitType?: string | undefined;
}

interface DecisionFields {
  /** Names this decision at the service that made it. */
  readonly decisionId: string;
  /** Whom and what the service says it decided on. Where given, they must be the call's own, or the answer is refused. */
  readonly agentId?: string | undefined;
  /** The tool that was decided on, where the service says it. */
  readonly toolName?: string | undefined;
  /** The service's id of the request. */
  readonly requestId?: string | undefined;
  /** The service's id of the tenant. */
  readonly tenantId?: string | undefined;
  /** Why, in words its author meant for the caller. */
  readonly reason?: string | undefined;
  /** What was violated, in words. */
  readonly violations?: readonly Violation[] | undefined;
  /** Hash of the policy set that decided, where the service tells. */
  readonly policySetHash?: string | undefined;
  /** How the policies were evaluated; free form. */
  readonly policyEvaluations?: readonly unknown[] | undefined;
  /** How long the service took, in milliseconds. */
  readonly latencyMs?: number | undefined;
}

/** Run with the snapshot as it is. */
export interface AllowDecision extends DecisionFields {
  /** The call runs. */
  readonly effect: 'allow';
  /** An allow never replaces params; one that has any is refused. */
  readonly params?: undefined;
}

/** Do not run. */
export interface DenyDecision extends DecisionFields {
  /** The call does not run. */
  readonly effect: 'deny';
}

/** Run with `params`: the complete params, never a delta. */
export interface SanitizeDecision extends DecisionFields {
  /** The call runs with changed params. */
  readonly effect: 'sanitize';
  /** The complete params that the call runs with. */
  readonly params: Params;
  /** Why they were replaced. */
  readonly message?: string | undefined;
}

/** A person has to decide. */
export interface ApprovalNeededDecision extends DecisionFields {
  /** A person has to approve the call first. */
  readonly effect: 'approval_needed';
  /** The complete params that would run, where they differ from the call's; approvers see these. */
  readonly params?: Params | undefined;
  /** What the caller is told. */
  readonly message?: string | undefined;
  /** The service's id of the approval, where it differs from `decisionId`. */
  readonly approvalId?: string | undefined;
  /** When the approval ends, in epoch milliseconds, where the service owns that. */
  readonly expiresAtMs?: number | undefined;
}

/** The answer to one call. */
export type Decision = AllowDecision | DenyDecision | SanitizeDecision | ApprovalNeededDecision;

/** Where an approval stands. */
export interface DecisionStatus {
  /** The decision that was asked about. */
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
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The key of the guard (by default the tool's name). */
  readonly guardKey: string;
  /** The validated snapshot of the arguments, by name. */
  readonly params: Params;
  /** SHA-256 over the params' canonical form; computed when first read. */
  readonly paramsDigest: string;
  /** Host data about who is behind the call. */
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
