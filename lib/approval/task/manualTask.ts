import { nextId } from '../../common/nextId.js';
import type { PendingTask } from '../../model/Task.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';

/** What a task made by hand needs. */
export interface NewTask {
  readonly agentId: string;
  readonly toolName: string;
  readonly decisionId: string;
  readonly taskId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** How long it may wait, in milliseconds. Default 86,400,000 (a day). */
  readonly timeoutMs?: number | undefined;
}

/** A task that no call stands behind: it has no params and no runner. */
export function manualTask({ agentId, toolName, decisionId, taskId, metadata, timeoutMs = DAY_MS }: NewTask, nowMs: number): PendingTask {
  return Object.freeze<PendingTask>({
    status: 'pending',
    taskId: taskId ?? nextId('task'),
    decisionId,
    agentId,
    toolName,
    guardKey: toolName,
    params: {},
    digest: '',
    originalDigest: '',
    session: null,
    sessionDigest: '',
    reason: undefined,
    mode: 'manual',
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    expiresAtMs: nowMs + timeoutMs,
    attemptCount: 0,
    runs: 0,
    version: 1,
    metadata: metadata ?? {},
    history: [],
    retryOf: undefined,
    origin: undefined,
  });
}
