import { hiddenFromApprover } from '../../model/view/viewOf.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import type { Decision, DecisionRequest } from '../../model/Decision.js';
import type { Params } from '../../model/Params.js';
import { recordedSeats } from '../../model/terms/recordedSeats.js';
import { requesterOf } from '../../model/personId.js';
import type { AppliedLimit, PolicyOutcome } from '../../policy/PolicyEngine.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import { approvalPolicy } from '../desk/ApprovalRequest.js';
import type { ApprovalRequest } from '../desk/ApprovalRequest.js';
import { hasDemandedPreview, isPreviewSound } from '../preview/openedPreview.js';
import type { PreviewSource } from '../preview/openedPreview.js';
import { takesSeats } from '../desk/use/semantics.js';

/** The policies' outcome when a person must decide. */
export type Approvable = Extract<PolicyOutcome, { effect: 'approval_needed' }>;
/** `context.facts` of a decision. */
export type Facts = Readonly<Record<string, unknown>>;

/** The decision that opened an approval, for its request that was sent again; a deny where nothing can follow from the approval. */
export function decisionOf(record: ApprovalRecord, outcome: Approvable): Decision {
  const { decisionId, status, consumed, digest, originalDigest, reason, expiresAtMs, policySetHash } = record;
  if ((status !== 'pending' && status !== 'approved') || consumed !== undefined)
    return { effect: 'deny', decisionId, reason: 'This request was answered before, and its approval has ended.', policySetHash };
  // what a person made of it since comes with the status
  const { params, message } = record.amendments === undefined ? record : outcome;
  const changed = params === undefined || (digest === originalDigest && record.amendments === undefined) ? {} : { params, message };
  return { effect: 'approval_needed', decisionId, approvalId: decisionId, reason, expiresAtMs, policySetHash, ...changed };
}

/** The request for people to decide a call, with everything that their approval is bound to. */
export function approvalRequestFor(request: DecisionRequest, outcome: Approvable, facts: Facts, policySetHash: string): ApprovalRequest {
  const { agentId, toolName, guardKey, params: originalParams, paramsDigest: originalDigest, opaque, session, sessionDigest } = request;
  const { bindingBase, groups, removable } = request;
  const requester = requesterOf(session?.['user_id']);
  return {
    agentId,
    toolName,
    guardKey,
    originalParams,
    params: outcome.params ?? originalParams,
    originalDigest,
    digest: effectiveDigest(request, outcome),
    bindingBase,
    ...(groups.length > 0 && { groups }),
    ...(removable.length > 0 && { removable }),
    opaque,
    ...(request.sensitive && { sensitive: request.sensitive }),
    ...previewSource(request, outcome.params ?? originalParams),
    session,
    sessionDigest,
    facts,
    factsDigest: canonicalDigest(facts),
    requester: requester ?? agentId,
    requesterKnown: requester !== undefined && request.remote?.sessionTrusted !== false,
    ...(request.remote?.sessionTrusted === false && { sessionTrusted: false as const }),
    ...(request.remote?.idempotency && { idempotency: request.remote.idempotency }),
    ...(request.remote?.consumes === false && { usedByAnswer: true }),
    reason: outcome.reason,
    message: outcome.message,
    policies: outcome.approvals.map(approvalPolicy),
    ...amendableCall(request, outcome),
    policySetHash,
    timeoutMs: Math.min(request.approvalTimeoutMs, ...outcome.approvals.map((p) => p.approvalTimeoutMs ?? Infinity)),
  };
}

/**
 * Whether an approval covers this very call as policies see it now: every policy that demands approval has its verdict, given on the same text of
 * that policy by as many people as it takes, for the params that would run, and the facts that were shown are the current ones.
 */
export function coversCall(
  record: ApprovalRecord,
  request: DecisionRequest,
  outcome: Approvable,
  facts: Facts,
  desk: Pick<ApprovalDesk, 'bindingDigestOf'>,
): boolean {
  const sameCall =
    record.agentId === request.agentId &&
    record.toolName === request.toolName &&
    record.guardKey === request.guardKey &&
    record.originalDigest === request.paramsDigest &&
    record.sessionDigest === request.sessionDigest;
  if (record.status !== 'approved' || !sameCall) return false;
  // an allow under an approval that is used by being told of would be a second licence: only who tells of it asks so
  if (record.usedByAnswer === true && request.remote?.opens !== false) return false;
  const digest = effectiveDigest(request, outcome);
  const { bindingBase } = request;
  const bound = desk.bindingDigestOf({ bindingBase, digest, previewDigest: record.preview?.digest });
  const isBound = record.digest === digest && record.bindingDigest === bound;
  if (!isPreviewSound(record) || !hasDemandedPreview(record, outcome.approvals)) return false;
  if (!isBound || record.factsDigest !== canonicalDigest(facts)) return false;
  const approved = new Set(record.verdicts.filter((v) => v.approve).flatMap((v) => v.policies));
  const hasYes = outcome.approvals.every(
    (policy) => approved.has(policy.id) && record.policies.some((p) => p.id === policy.id && p.hash === policy.hash),
  );
  // who counts for which policy depends on all that asked then
  return hasYes && (!takesSeats(record.policies) || recordedSeats(record).isCovered);
}

function effectiveDigest(request: DecisionRequest, outcome: Approvable): string {
  return outcome.params === undefined ? request.paramsDigest : canonicalDigest(outcome.params);
}

/** How the call comes to its preview: its own program makes it, once a person is about to be asked. */
function previewSource({ preview, remote }: DecisionRequest, params: Params): PreviewSource {
  if (preview === undefined) return {};
  return { makePreview: () => preview(params), ...(remote?.sentPreview && { sentPreview: remote.sentPreview }) };
}

/** What deciding an edited call takes, where the policies let people edit it and its caller gets to know what they made of it. */
function amendableCall(
  { bindingBase, groups, removable, remote }: DecisionRequest,
  { approvals }: Approvable,
): Pick<ApprovalRequest, 'amendable'> {
  if (remote !== undefined && (remote.amends !== true || !remote.consumes)) return {};
  return approvals.every(({ editable }) => editable !== undefined) ? { amendable: { bindingBase, groups, removable } } : {};
}

/** Whether a person would not be shown all of a call: then no yes to another call counts for it. */
export function isHidden({ params: originalParams, sensitive }: DecisionRequest, { params = originalParams }: Approvable): boolean {
  return sensitive !== undefined && hiddenFromApprover({ params, originalParams, sensitive }).length > 0;
}

/** The decision on a call for which all policies that ask have their yes. */
export function runnable(
  base: Pick<Decision, 'decisionId' | 'grantId' | 'limits' | 'policySetHash'>,
  { params, message }: Approvable,
): Decision {
  return params === undefined ? { ...base, effect: 'allow' } : { ...base, effect: 'sanitize', params, message };
}

/** The limits that a call is counted towards, for the decision that lets it run. */
export function named(outcome: PolicyOutcome): Pick<Decision, 'limits'> {
  const limits = limitsOf(outcome);
  return limits === undefined ? {} : { limits: limits.map(({ policy: { id, hash } }) => ({ id, hash })) };
}

/** The limits that a call is counted towards. */
export function limitsOf(outcome: PolicyOutcome): readonly AppliedLimit[] | undefined {
  return 'limits' in outcome ? outcome.limits : undefined;
}
