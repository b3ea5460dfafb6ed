import { canonicalDigest } from '../../../common/data/canonical.js';

/** What a use of an approval names beside the approval itself. */
export interface BoundCall {
  /** What the guard knows of the call, as 64 hex digits. */
  readonly bindingBase: string;
  /** SHA-256 of the effective params that would run. */
  readonly digest: string;
  /** The digest of the preview that was shown. @defaultValue none was */
  readonly previewDigest?: string | undefined;
}

/** SHA-256 over all that an approval is good for: what the guard knew of the call, the params that would run, the preview, and the tenant. */
export function bindingDigest({ bindingBase, digest, previewDigest }: BoundCall, tenantId: string | null = null): string {
  const parts = ['aegis approval 1', tenantId, bindingBase, digest];
  return canonicalDigest(previewDigest === undefined ? parts : [...parts, previewDigest]);
}
