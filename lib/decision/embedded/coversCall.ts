import { canonicalDigest } from '../../common/data/canonical.js';
import type { DecisionRequest } from '../../model/Decision.js';
import type { AppliedPolicy, PolicyOutcome } from '../../policy/PolicyEngine.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ApprovalRequest } from '../desk/ApprovalRequest.js';

/** The policies' outcome when a person must decide. */
export type Approvable = Extract<PolicyOutcome, { effect: 'approval_needed' }>;
/** `context.facts` of a decision. */
export type Facts = Readonly<Record<string, unknown>>;

/** The request for people to decide a call, with everything that their approval is bound to. */
export function approvalRequestFor(request: DecisionRequest, outcome: Approvable, facts: Facts, policySetHash: string): ApprovalRequest {
  const { agentId, toolName, guardKey, params: originalParams, paramsDigest: originalDigest, opaque, session, sessionDigest } = request;
  const userId = session?.['user_id'];
  const requesterKnown = typeof userId === 'string' && userId !== '';
  return {
    agentId,
    toolName,
    guardKey,
    originalParams,
    params: outcome.params ?? originalParams,
    originalDigest,
    digest: effectiveDigest(request, outcome),
    opaque,
    session,
    sessionDigest,
    facts,
    factsDigest: canonicalDigest(facts),
    requester: requesterKnown ? userId : agentId,
    requesterKnown,
    reason: outcome.reason,
    message: outcome.message,
    policies: outcome.approvals.map(approvalPolicy),
    policySetHash,
    timeoutMs: Math.min(request.approvalTimeoutMs, ...outcome.approvals.map((p) => p.approvalTimeoutMs ?? Infinity)),
  };
}

/**
 * Whether an approval covers this very call as policies see it now: every policy that demands approval has its verdict, given on the same text of
 * that policy, for the params that would run, and the facts that were shown are the current ones.
 */
export function coversCall(record: ApprovalRecord, request: DecisionRequest, outcome: Approvable, facts: Facts): boolean {
  const sameCall =
    record.agentId === request.agentId &&
    record.toolName === request.toolName &&
    record.guardKey === request.guardKey &&
    record.originalDigest === request.paramsDigest &&
    record.sessionDigest === request.sessionDigest;
  if (record.status !== 'approved' || !sameCall) return false;
  if (record.digest !== effectiveDigest(request, outcome) || record.factsDigest !== canonicalDigest(facts)) return false;
  const approved = new Set(record.verdicts.filter((v) => v.approve).flatMap((v) => v.policies));
  return outcome.approvals.every(
    (policy) => approved.has(policy.id) && record.policies.some((p) => p.id === policy.id && p.hash === policy.hash),
  );
}

function effectiveDigest(request: DecisionRequest, outcome: Approvable): string {
  return outcome.params === undefined ? request.paramsDigest : canonicalDigest(outcome.params);
}

function approvalPolicy({ id, hash, reason, severity, approvers, selfApproval }: AppliedPolicy): ApprovalPolicy {
  return { id, hash, reason, severity, approvers, selfApproval };
}
