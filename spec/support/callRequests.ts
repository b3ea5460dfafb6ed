import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { nextId } from '../../lib/common/nextId.js';
import type { DecisionRequest } from '../../lib/model/Decision.js';

/** A call of `refund` by `bot`, as a decision service sees it. */
export function requestOf(more: Partial<DecisionRequest> = {}): DecisionRequest {
  const params = more.params ?? { amount: 1 };
  const session = more.session ?? null;
  return {
    callId: nextId('call'),
    agentId: 'bot',
    toolName: 'refund',
    guardKey: more.toolName ?? 'refund',
    params,
    paramsDigest: canonicalDigest(params),
    session,
    sessionDigest: canonicalDigest(session),
    bindingBase: `binding of ${canonicalDigest(params)}`,
    groups: [],
    opaque: [],
    removable: [],
    approvalTimeoutMs: 60_000,
    ...more,
  };
}
