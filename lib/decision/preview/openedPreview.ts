import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { ApprovalPreview, PreviewFailure, PreviewOutcome } from '../../model/preview/CallPreview.js';
import { boundPreview, isIntact, previewDigest } from '../../model/preview/previewDigest.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../store/ApprovalStore.js';

/** How an approval that is opened comes to its preview. */
export interface PreviewSource {
  /** Makes it. Absent where its guard makes none. */
  readonly makePreview?: (() => Awaitable<PreviewOutcome>) | undefined;
  /** What the request had with it: the same request again has the same one. */
  readonly sentPreview?: PreviewOutcome | undefined;
}

/** A preview, or why the call is denied without one. */
export type OpenedPreview =
  { readonly kind: 'made'; readonly preview: ApprovalPreview | undefined } | { readonly kind: 'no_preview'; readonly reason: string };

/** Why there is no preview, for people and callers. */
export const WHY_NO_PREVIEW: Readonly<Record<PreviewFailure, string>> = {
  threw: 'making it failed',
  timeout: 'it took too long',
  too_large: 'it is larger than 16 kB',
  not_plain: 'it has values that are not plain data',
  malformed: 'what the tool returned is not a preview',
  nested: 'the call was made by code that makes a preview',
};

/** Makes the preview of a call for which an approval is about to be opened. */
export function openedPreview({
  makePreview,
  digest,
  policies,
}: PreviewSource & Pick<ApprovalRecord, 'digest' | 'policies'>): Awaitable<OpenedPreview> {
  return chain(makePreview?.(), (outcome): OpenedPreview => {
    if (!policies.some(demandsPreview) || outcome?.content !== undefined)
      return { kind: 'made', preview: outcome && boundPreview(digest, outcome) };
    const why = outcome === undefined ? 'its guard makes none' : WHY_NO_PREVIEW[outcome.failure];
    return { kind: 'no_preview', reason: `A policy demands a preview of what this call would do, and there is none: ${why}.` };
  });
}

/** Whether a request that has a preview has the one of this approval. */
export function isSentPreview({ preview }: Pick<ApprovalRecord, 'preview'>, sent: PreviewOutcome | undefined): boolean {
  return sent === undefined || (preview !== undefined && previewDigest(preview.of, sent) === preview.digest);
}

/** Whether the preview of an approval says what its digest is of. Of one that was used, what it says is no longer kept. */
export function isPreviewSound({ preview, consumed }: Pick<ApprovalRecord, 'preview' | 'consumed'>): boolean {
  if (preview === undefined || isIntact(preview)) return true;
  return consumed !== undefined && preview.content === undefined && preview.failure === undefined;
}

/** Whether an approval has the preview that these policies demand. */
export function hasDemandedPreview(
  { preview }: Pick<ApprovalRecord, 'preview'>,
  policies: readonly Pick<ApprovalPolicy, 'needsPreview'>[],
): boolean {
  return (preview !== undefined && preview.failure === undefined) || !policies.some(demandsPreview);
}

function demandsPreview({ needsPreview }: Pick<ApprovalPolicy, 'needsPreview'>): boolean {
  return needsPreview === true;
}
