import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { nextId } from '../../lib/common/nextId.js';
import type { ApprovalRequest } from '../../lib/decision/desk/ApprovalRequest.js';
import type { ApprovalPolicy, ApprovalRecord } from '../../lib/store/ApprovalStore.js';

/** What the guard knows of the calls of these approvals. */
export const BINDING_BASE = 'b'.repeat(64);

export function policyOf(id: string, more: Partial<ApprovalPolicy> = {}): ApprovalPolicy {
  return { id, hash: `hash of ${id}`, ...more };
}

/** What the embedded service asks of people: `bot` wants to refund, for `ann`; anybody else may decide. */
export function openingOf(more: Partial<ApprovalRequest> = {}): ApprovalRequest {
  const params = more.params ?? { amount: 1 };
  return {
    agentId: 'bot',
    toolName: 'refund',
    guardKey: 'refund',
    originalParams: params,
    params,
    originalDigest: canonicalDigest(more.originalParams ?? params),
    digest: canonicalDigest(params),
    bindingBase: BINDING_BASE,
    opaque: [],
    session: { user_id: 'ann' },
    sessionDigest: canonicalDigest({ user_id: 'ann' }),
    facts: {},
    factsDigest: canonicalDigest({}),
    requester: 'ann',
    requesterKnown: true,
    reason: 'over the limit',
    policies: [policyOf('limit')],
    policySetHash: 'set',
    timeoutMs: 60_000,
    ...more,
  };
}

/** A record as the desk keeps it. */
export function recordOf(more: Partial<ApprovalRecord> = {}): ApprovalRecord {
  const { timeoutMs, ...opening } = openingOf();
  return {
    ...opening,
    decisionId: nextId('dec'),
    refusals: 0,
    createdAtMs: 0,
    expiresAtMs: timeoutMs,
    status: 'pending',
    verdicts: [],
    version: 1,
    ...more,
  };
}
