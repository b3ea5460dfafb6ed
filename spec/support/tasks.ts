import { canonicalDigest } from '../../lib/common/data/canonical.js';
import { nextId } from '../../lib/common/nextId.js';
import type { PendingTask, TaskOrigin } from '../../lib/model/Task.js';

/** Where a task of that handle came from: resumable, and to be run once. */
export function originOf(ownerId: string, more: Partial<TaskOrigin> = {}): TaskOrigin {
  return {
    ownerId,
    resumable: true,
    originalParams: { amount: 1 },
    target: '',
    argumentCount: 1,
    signature: 's',
    idempotent: false,
    ...more,
  };
}

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
