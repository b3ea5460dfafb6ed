import { randomId } from '../../common/nextId.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import type { AppliedPolicy } from '../../policy/PolicyEngine.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { PreviewSource } from '../preview/openedPreview.js';
import { bindingDigest } from './use/bindingDigest.js';
import { semanticsOf } from './use/semantics.js';

/** A request for people to decide a call: the approval record without the fields that the desk fills in. */
export type ApprovalRequest = Omit<
  ApprovalRecord,
  | 'decisionId'
  | 'bindingDigest'
  | 'requires'
  | 'status'
  | 'verdicts'
  | 'consumed'
  | 'begun'
  | 'version'
  | 'createdAtMs'
  | 'expiresAtMs'
  | 'refusals'
  | 'auditSalt'
  | 'amendments'
  | 'preview'
> &
  PreviewSource & {
    readonly timeoutMs: number;
    /** What the guard knows of the call. */
    readonly bindingBase: string;
  };

/**
 * The approval was opened; the same request had opened it before (`exists`); its key was used for another request (`conflict`); a policy demands a preview,
 * and there is none (`no_preview`); or the call was refused because a person recently denied the same call.
 */
export type OpeningOutcome =
  | { readonly kind: 'opened'; readonly record: ApprovalRecord }
  | { readonly kind: 'exists'; readonly record: ApprovalRecord }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'no_preview'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** The code of {@link keyReused}. */
export const KEY_REUSED = 'idempotency_mismatch';

/** The error for a request under the key of another one. */
export function keyReused(): BadRequestError {
  const message =
    'The idempotency key was used for another request. Send each request under a key of its own, and the same key only with the same request.';
  return new BadRequestError(message, { code: KEY_REUSED });
}

/** The record of a new approval. */
export function openedRecord(
  { timeoutMs, bindingBase, makePreview: _make, sentPreview: _sent, ...opening }: ApprovalRequest,
  {
    refusals,
    nowMs,
    tenantId,
    auditSalt,
    preview,
  }: {
    readonly refusals: number;
    readonly nowMs: number;
    readonly tenantId: string | null;
    readonly auditSalt?: string | undefined;
    readonly preview?: ApprovalRecord['preview'];
  },
): ApprovalRecord {
  return {
    ...opening,
    decisionId: randomId('dec'),
    bindingDigest: bindingDigest({ bindingBase, digest: opening.digest, previewDigest: preview?.digest }, tenantId),
    requires: semanticsOf({ ...opening, preview }),
    ...(preview !== undefined && { preview }),
    refusals,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + timeoutMs,
    status: 'pending',
    verdicts: [],
    ...(auditSalt !== undefined && { auditSalt }),
    version: 1,
  };
}

/** The latest reason why a duplicate of this call was denied after `sinceMs`; `undefined` where it was not. */
export function standingRefusal(denied: readonly ApprovalRecord[], opening: ApprovalRequest, sinceMs: number): string | undefined {
  const standing = denied.findLast(
    (record) =>
      record.originalDigest === opening.originalDigest &&
      record.sessionDigest === opening.sessionDigest &&
      record.guardKey === opening.guardKey &&
      (record.verdicts.at(-1)?.atMs ?? 0) > sinceMs,
  );
  return standing && (standing.verdicts.at(-1)?.reason ?? 'a person refused this call');
}

/** How many of these approvals were denied at `sinceMs` or later. */
export function countSince(denied: readonly ApprovalRecord[], sinceMs: number): number {
  return denied.filter((record) => (record.verdicts.at(-1)?.atMs ?? 0) >= sinceMs).length;
}

/** A policy as an approval names it. */
export function approvalPolicy({ effect: _effect, approvalTimeoutMs: _timeout, ...policy }: AppliedPolicy): ApprovalPolicy {
  const { id, hash, reason, severity, approvers, selfApproval, summary, ...terms } = policy;
  return { id, hash, reason, severity, approvers, selfApproval, ...(summary && { summary }), ...terms };
}
