import type { Params, Session } from '../model/Params.js';
import type { ApprovalTerms } from '../model/terms/ApprovalTerms.js';
import type { LimitTerms } from '../model/terms/LimitTerms.js';

/** One call, as policies see it. */
export interface PolicyCall {
  /** The principal: `Aegis::Agent::"<agentId>"`. */
  readonly agentId: string;
  /** The action: `Aegis::Action::"<toolName>"`. */
  readonly toolName: string;
  /** Action groups the tool is in besides `call_tool`. */
  readonly groups: readonly string[];
  /** `context.input`. */
  readonly params: Params;
  /** `context.session`; null is an empty record. */
  readonly session: Session | null;
  /** `context.facts`: computed by the host, never by the caller. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** `context.system.now`, in epoch milliseconds. */
  readonly nowMs: number;
  /** Params a sanitize may remove. */
  readonly removable: readonly string[];
}

/** A policy that mattered for a decision. */
export interface AppliedPolicy extends ApprovalTerms {
  /** The policy's `@id`. */
  readonly id: string;
  /** SHA-256 of the policy's text: an approval given under one text is not one under another. */
  readonly hash: string;
  /** The policy's effect: `permit`, `forbid`, `sanitize`, `limit` or `approval_needed`. */
  readonly effect: 'permit' | 'deny' | 'sanitize' | 'limit' | 'approval_needed';
  /** `@reason`: the author's words for the caller. */
  readonly reason?: string | undefined;
  /** The policy's `@severity`. */
  readonly severity?: string | undefined;
  /** `@approvers`: the groups whose people may decide; absent if the approval desk alone decides who may. */
  readonly approvers?: readonly string[] | undefined;
  /** `@approval_timeout_s`, in milliseconds. */
  readonly approvalTimeoutMs?: number | undefined;
  /** `@self_approval("true")`: the user on whose behalf the call is made may decide. */
  readonly selfApproval?: boolean | undefined;
  /** `@summary`: the params that lists of approvals show. */
  readonly summary?: readonly string[] | undefined;
}

/** Why a call is denied, for programs. */
export type DenyCode = 'no_permit' | 'forbidden' | 'policy_error' | 'null_read' | 'sanitize_failed' | 'tool_is_group';

/** A policy that could not be evaluated on a call, for the developer. */
export interface EvaluationProblem {
  /** The policy's `@id`. */
  readonly policyId: string;
  /** Which of its expressions failed, on which kinds of values. Never a value. */
  readonly problem: string;
}

/** A limit that matches the params that would run. */
export interface AppliedLimit {
  /** The policy. */
  readonly policy: AppliedPolicy;
  /** What its annotations say. */
  readonly terms: LimitTerms;
  /** Whether it is only watched: it counts, and stops nothing. */
  readonly observed?: boolean | undefined;
}

/** What every decision but a deny may say. */
interface Observing {
  /** The limits that the call counts towards. Absent if there are none. */
  readonly limits?: readonly AppliedLimit[] | undefined;
  /** The policies with `@observe("true")` that would have asked a person, if they were not only watched. Absent if there are none. */
  readonly observed?: readonly AppliedPolicy[] | undefined;
}

/** The decision of the policies on one call. */
export type PolicyOutcome =
  | ({ readonly effect: 'allow'; readonly policies: readonly AppliedPolicy[] } & Observing)
  | {
      readonly effect: 'deny';
      readonly code: DenyCode;
      /** Safe for the caller: `@reason` texts, or a constant sentence. */
      readonly reason: string;
      /** For logs only: may name policies and attributes. */
      readonly detail?: string | undefined;
      /** The policies that could not be evaluated, where that is why. */
      readonly problems?: readonly EvaluationProblem[] | undefined;
      readonly policies: readonly AppliedPolicy[];
    }
  | ({
      readonly effect: 'sanitize';
      /** The complete params after all operations. */
      readonly params: Params;
      readonly message: string;
      readonly policies: readonly AppliedPolicy[];
    } & Observing)
  | ({
      readonly effect: 'approval_needed';
      /** The complete params after all operations; absent if nothing was changed. */
      readonly params?: Params | undefined;
      readonly message?: string | undefined;
      readonly reason: string;
      /** The approval policies of both passes: one verdict for each is needed. Ordered by id. */
      readonly approvals: readonly AppliedPolicy[];
      readonly policies: readonly AppliedPolicy[];
    } & Observing);

/** An immutable set of policies, ready to decide. It never throws: anything that goes wrong is a deny. */
export interface PolicyEngine {
  /** SHA-256 over all policies, in a form that does not depend on file names or order. */
  readonly hash: string;
  /** Whether a policy is a limit, so that decisions may depend on what ran before. @defaultValue false */
  readonly hasLimits?: boolean | undefined;
  /** Decides one call. */
  evaluate(call: PolicyCall): PolicyOutcome;
}
