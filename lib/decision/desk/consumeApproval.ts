import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { publishDiagnostic } from '../../model/diagnostics.js';
import type { ApprovalStore } from '../../store/ApprovalStore.js';
import type { ApprovalUse } from '../DecisionService.js';

/**
 * Uses an approval up. The same token again is the same use: a task that crashed between using its approval up and beginning may do so again. False
 * where it is not approved, over, used by something else, or for other params.
 *
 * @param seen the version that could not be replaced: where it is still there nobody was first, and the store just does not take it
 */
export function consumeApproval(store: ApprovalStore, use: ApprovalUse, now: () => number, seen?: number): Awaitable<boolean> {
  const { decisionId, digest, token } = use;
  return chain(store.get(decisionId), (record) => {
    const nowMs = now();
    if (record === undefined || record.status !== 'approved' || nowMs >= record.expiresAtMs) return false;
    if (record.consumed?.token === token && record.digest === digest) return true;
    if (record.consumed !== undefined || record.digest !== digest) {
      const { agentId, toolName } = record;
      const code = record.consumed === undefined ? 'approval_digest_mismatch' : 'approval_already_consumed';
      publishDiagnostic({ kind: 'security', code, message: 'An approval was refused at its use.', agentId, toolName, decisionId });
      return false;
    }
    if (record.version === seen) return false;
    const consumed = { ...record, consumed: { token, atMs: nowMs }, version: record.version + 1 };
    // whoever was first may have been this very use, by another process
    return chain(store.replace(consumed, record.version), (used) => used || consumeApproval(store, use, now, record.version));
  });
}
