import { canonicalDigest } from '../../common/data/canonical.js';
import type { ApprovalPreview, PreviewOutcome } from './CallPreview.js';

/**
 * The preview of an approval, with the digest that the approval is bound to.
 *
 * @param of SHA-256 of the params that it is of
 */
export function boundPreview(of: string, outcome: PreviewOutcome): ApprovalPreview {
  return Object.freeze({ of, digest: previewDigest(of, outcome), ...outcome });
}

/** SHA-256 over what a preview is of, and what it says. */
export function previewDigest(of: string, { content, failure }: PreviewOutcome): string {
  return canonicalDigest(['aegis preview 1', of, content === undefined ? { failure } : { content }]);
}

/** Whether a preview says what its digest is of; one whose content is left out says nothing. */
export function isIntact({ of, digest, content, failure }: ApprovalPreview): boolean {
  const outcome = content === undefined ? failure && { failure } : { content };
  return outcome !== undefined && previewDigest(of, outcome) === digest;
}
