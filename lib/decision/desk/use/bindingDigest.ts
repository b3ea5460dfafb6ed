import { canonicalDigest } from '../../../common/data/canonical.js';

/** What a use of an approval names beside the approval itself. */
export interface BoundCall {
  /** What the guard knows of the call, as 64 hex digits. */
  readonly bindingBase: string;
  /** SHA-256 of the effective params that would run. */
  readonly digest: string;
}

/** SHA-256 over all that an approval is good for: what the guard knew of the call, the params that would run, and the tenant. */
export function bindingDigest({ bindingBase, digest }: BoundCall, tenantId: string | null = null): string {
  return canonicalDigest(['aegis approval 1', tenantId, bindingBase, digest]);
}
