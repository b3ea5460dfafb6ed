import type { Capability } from './Capability.js';
import { EVIDENCE, newSalt } from './DecisionEvidence.js';
import type { DecisionEvidence } from './DecisionEvidence.js';
import type { DenialCode } from './terms/DenialCode.js';
import type { Params, Session } from './Params.js';
import type { PreviewOutcome } from './preview/CallPreview.js';
import type { Awaitable } from '../common/awaitable.js';
import type { Sensitive } from './sensitive/Sensitive.js';

/** What a decision demands. Any other value is treated as `deny`. */
export type Effect = 'allow' | 'deny' | 'sanitize' | 'approval_needed';

/** One rule that a call violates. */
export interface Violation {
  /** The kind of rule, such as `policy` or `parameter`. */
  readonly type: string;
  /** What is violated, in words for the caller. */
  readonly message: string;
  /** The param that violates it. */
  readonly field?: string | undefined;
  /** The rule itself; with embedded policies the policy's id, if the module exposes it. */
  readonly condition?: string | undefined;
  /** The value in the call. For logs and approvers; never shown to a model, never part of an error's message or JSON. */
  readonly actualValue?: unknown;
  /** The kind of limit, such as `max`. */
  readonly limitType?: string | undefined;
}

/** A policy that is only watched, and would have asked a person. */
export interface ObservedPolicy {
  /** The policy's `@id`. */
  readonly id: string;
  /** SHA-256 of the policy's text. */
  readonly hash: string;
}

interface DecisionFields {
  /** Identifies this decision at the service that made it. */
  readonly decisionId: string;
  /** The agent that the service decided about. If given, it must be the call's own. */
  readonly agentId?: string | undefined;
  /** The tool that the service decided about. If given, it must be the call's own. */
  readonly toolName?: string | undefined;
  /** Identifies the request at the service. */
  readonly requestId?: string | undefined;
  /** The tenant that the service decided for. */
  readonly tenantId?: string | undefined;
  /** Why, in words that its author meant for the caller. */
  readonly reason?: string | undefined;
  /** The rules that the call violates. */
  readonly violations?: readonly Violation[] | undefined;
  /** Hash of the policy set that decided, if the service reports it. */
  readonly policySetHash?: string | undefined;
  /**
   * Policies with `@observe("true")` that would have asked a person, if they were not only watched. For logs and operators, not for the caller. Absent if
   * there are none, or if the service does not tell.
   */
  readonly observed?: readonly ObservedPolicy[] | undefined;
  /**
   * The limits that the call is counted towards, of a call that may run. For logs and operators, not for the caller. Absent if there are none; empty where the
   * service does not say which.
   */
  readonly limits?: readonly ObservedPolicy[] | undefined;
  /** When to try again a call that a limit denies, in epoch milliseconds. */
  readonly retryAtMs?: number | undefined;
  /** How the policies were evaluated; free form. */
  readonly policyEvaluations?: readonly unknown[] | undefined;
  /** How long the service took, in milliseconds. */
  readonly latencyMs?: number | undefined;
  /** The grant that answered the approval policies of this call, so that no person was asked. Set only where the call may run. */
  readonly grantId?: string | undefined;
  /** @internal What a journal learns of it. */
  readonly [EVIDENCE]?: DecisionEvidence | undefined;
}

/** Run the call with its own params. */
export interface AllowDecision extends DecisionFields {
  /** The call runs. */
  readonly effect: 'allow';
  /** An allow never replaces params; an answer with both is refused. */
  readonly params?: undefined;
}

/** Do not run the call. */
export interface DenyDecision extends DecisionFields {
  /** The call does not run. */
  readonly effect: 'deny';
  /** The code of the error that its caller gets. @defaultValue `policy_violation` */
  readonly code?: DenialCode | undefined;
}

/** Run the call with `params` instead of its own. */
export interface SanitizeDecision extends DecisionFields {
  /** The call runs with changed params. */
  readonly effect: 'sanitize';
  /** The complete params that run, never a delta. */
  readonly params: Params;
  /** Why the params were replaced. */
  readonly message?: string | undefined;
}

/** A person must decide the call. */
export interface ApprovalNeededDecision extends DecisionFields {
  /** A person has to approve the call first. */
  readonly effect: 'approval_needed';
  /** The complete params that would run, if they differ from the call's; approvers see these. */
  readonly params?: Params | undefined;
  /** Why the params were replaced. */
  readonly message?: string | undefined;
  /** Identifies the approval at the service, if it has an id of its own. */
  readonly approvalId?: string | undefined;
  /** When the approval expires, in epoch milliseconds, if the service decides that. */
  readonly expiresAtMs?: number | undefined;
  /**
   * What the service does for this approval. It is kept with the task: what was offered is then demanded, by any process that runs the call.
   *
   * @defaultValue all that the service has a method for
   */
  readonly offers?: readonly Capability[] | undefined;
}

/** The decision on one call. */
export type Decision = AllowDecision | DenyDecision | SanitizeDecision | ApprovalNeededDecision;

/**
 * @internal A decision with evidence: where a service elsewhere made it, a salt alone.
 *
 * @param salt of the approval that the decision is about
 */
export function saltedDecision(decision: Decision, salt?: string): Decision {
  return decision[EVIDENCE] === undefined ? { ...decision, [EVIDENCE]: { salt: salt ?? newSalt() } } : decision;
}

/** The status of an approval at its decision service. */
export interface DecisionStatus {
  /** The approval. */
  readonly decisionId: string;
  /** `expired`: no one decided in time. `invalid`: the service's answer was not accepted, and the task fails. */
  readonly state: 'pending' | 'approved' | 'denied' | 'expired' | 'invalid';
  /** Why, in the words of the person who decided or of the service. */
  readonly reason?: string | undefined;
  /** `halted`, where no person denied it: a halt that cancels what waits has ended it. */
  readonly code?: 'halted' | undefined;
  /** Who decided, if known. */
  readonly by?: string | undefined;
  /** The complete params that were approved, where a person edited those that were asked about; only of a service that {@link DecisionService.amends}. */
  readonly params?: Params | undefined;
  /** SHA-256 of the canonical text of these params. */
  readonly digest?: string | undefined;
}

/** One call as a decision service sees it. Everything in it is a frozen copy. */
export interface DecisionRequest {
  /** Unique to this call; also its idempotency key and nonce. */
  readonly callId: string;
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The key of the guard; by default the tool's name. */
  readonly guardKey: string;
  /** The call's arguments by parameter name. */
  readonly params: Params;
  /** SHA-256 over the params' canonical form, as 64 hex digits; computed when first read. */
  readonly paramsDigest: string;
  /** Host data about the caller; null if there is none. */
  readonly session: Session | null;
  /** SHA-256 over the session's canonical form, as 64 hex digits; computed when first read. */
  readonly sessionDigest: string;
  /**
   * SHA-256, as 64 hex digits, over all that the guard knows of what an approval of this call would be good for: agent, tool, guard, mode, params as
   * called, session, number of arguments, class of the object, and whether it may run in another process or again after a crash. Keep it with the
   * approval, and compare it when the approval is used. Computed when first read.
   */
  readonly bindingBase: string;
  /** Action groups of the guard. */
  readonly groups: readonly string[];
  /** Names of params that are left out of `params` and the digest. */
  readonly opaque: readonly string[];
  /** Names of params that a sanitize may remove: the guard's schema makes them optional and gives them no default. */
  readonly removable: readonly string[];
  /** How long an approval may stay pending, in milliseconds. */
  readonly approvalTimeoutMs: number;
  /** Set where the guard says that policies at a Data Plane are to see BigInts and Dates as text. */
  readonly wireTypes?: 'string' | undefined;
  /** What is not shown to everyone, by JSON pointer into `params`. A service that shows the call to people shows it so, or denies it. */
  readonly sensitive?: Sensitive | undefined;
  /**
   * Has the call's own program say what the call would do, for the person who decides; absent where its guard makes no previews. Call it only where a person
   * is asked: what it says is shown with the call, and never runs it.
   *
   * @param params that would run
   * @returns the preview, or why there is none
   */
  readonly preview?: ((params: Params) => Awaitable<PreviewOutcome>) | undefined;
  /** @internal Set by a server, for a call in another process. */
  readonly remote?: RemoteCall | undefined;
}

/** What a server knows of a call in another process. */
export interface RemoteCall {
  /** The request's own key, so that a request that is sent again finds the approval that it opened. */
  readonly idempotency?: IdempotencyKey | undefined;
  /** Whether the caller uses approvals up before their calls run. Otherwise to be told of an approval is to use it. */
  readonly consumes: boolean;
  /** False: nothing is opened, because it is only asked whether an approval still covers the call. */
  readonly opens?: false | undefined;
  /** Whether the caller's word for who its user is is believed. */
  readonly sessionTrusted: boolean;
  /** Whether the caller runs an approved call with params that a policy changed. Otherwise such a call is denied. */
  readonly appliesChanges: boolean;
  /** What the caller sent as its preview: the same request again has the same one. */
  readonly sentPreview?: PreviewOutcome | undefined;
  /** Whether the caller runs an approved call with params that a person edited. Otherwise no one can edit them. */
  readonly amends?: boolean | undefined;
}

/** Names a request, so that it is answered once, however often it is sent. */
export interface IdempotencyKey {
  /** What the client sent as its key. */
  readonly key: string;
  /** SHA-256 over all that was asked, and by whom: the same key with another one is refused. */
  readonly fingerprint: string;
}
