import { canonicalDigest } from '../../lib/common/canonical.js';
import { nextId } from '../../lib/common/ids.js';
import type { PendingTask } from '../../lib/model/Task.js';

/** A task as the guard records it: a minute to decide, digests that are right. */
export function pendingTask(more: Partial<PendingTask> = {}): PendingTask {
  const params = more.params ?? { amount: 1 };
  const nowMs = Date.now();
  return {
    status: 'pending',
    taskId: nextId('task'),
    decisionId: nextId('dec'),
    agentId: 'bot',
    toolName: 'refund',
    guardKey: 'refund',
    params,
    digest: canonicalDigest(params),
    originalDigest: canonicalDigest(params),
    session: null,
    sessionDigest: canonicalDigest(null),
    reason: 'over the limit',
    mode: 'defer',
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    expiresAtMs: nowMs + 60_000,
    attemptCount: 0,
    runs: 0,
    version: 1,
    metadata: {},
    history: [],
    retryOf: undefined,
    origin: undefined,
    ...more,
  };
}
