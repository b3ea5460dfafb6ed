import { nextId } from '../../common/ids.js';
import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { PendingTask, TaskResolution, TaskStatus } from '../../model/Task.js';
import { isLegalEdge } from '../../model/Task.js';
import type { TaskChange } from '../../store/TaskStore.js';

/** What a manual task is made of. */
export interface NewTask {
  readonly agentId: string;
  readonly toolName: string;
  readonly decisionId: string;
  /** @defaultValue an id of its own */
  readonly taskId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * How long it may wait, in milliseconds.
   *
   * @defaultValue 86,400,000 (a day)
   */
  readonly timeoutMs?: number | undefined;
}

/** Who settles an unknown task, and why. */
export interface UnknownResolution {
  /** The person who says so: an id that the host has authenticated, 1 to 256 characters. */
  readonly by: string;
  readonly reason?: string | undefined;
  /** The person has made sure that the process which executed it is gone, although it looks alive. Only for `retry`. */
  readonly confirmExecutorDead?: boolean | undefined;
}

const DAY_MS = 86_400_000;

/** A task that belongs to no call: it has no params, and nothing runs it. */
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

/** How the program cancels a task: it was `deleted` or `cleared`. */
export function manualCancellation(how: string): TaskChange {
  return { to: 'cancelled', error: { name: 'ApprovalCancelledError', code: 'approval_cancelled', message: `The task was ${how}.` } };
}

/** The change that `updateStatus` asks for, or `undefined` where the program may not make it. */
export function manualChange(from: TaskStatus, to: TaskStatus, reason: string | undefined, result: unknown): TaskChange | undefined {
  if (!isLegalEdge(from, to)) return undefined;
  const message = reason ?? `The task was set to ${to} by the program.`;
  switch (to) {
    case 'denied':
      return { to, error: { name: 'ForbiddenError', code: 'forbidden', message } };
    case 'timeout':
      return { to, error: { name: 'ApprovalTimeoutError', code: 'approval_timeout', message } };
    case 'cancelled':
      return { to, error: { name: 'ApprovalCancelledError', code: 'approval_cancelled', message } };
    case 'failed':
      return { to, error: { name: 'Error', message } };
    case 'completed':
      return { to, result };
    default:
      // approved and executing come from a decision and a claim only; pending from a fresh decision
      return undefined;
  }
}

/** What a person makes of an unknown task. @throws TaskStateError where the resolution names no person, or is not a known one */
export function resolutionChange(taskId: string, how: TaskResolution['how'], { by, reason }: UnknownResolution, atMs: number): TaskChange {
  if (typeof by !== 'string' || by.trim() === '' || by.length > 256 || (reason !== undefined && typeof reason !== 'string')) {
    const message = 'A resolution names a person in `by`, with 1 to 256 characters, and may give a `reason`, which must be a string.';
    throw new TaskStateError(taskId, message);
  }
  const resolution: TaskResolution = { how, by, reason, atMs };
  const error = (message: string): TaskChange => ({
    to: 'failed',
    error: { name: 'OutcomeUnknownError', code: 'outcome_unknown', message },
    resolution,
  });
  switch (how) {
    case 'done':
      return { to: 'completed', result: undefined, resolution };
    case 'retry':
      return error(`Whether it ran is unknown; ${by} had it called again.`);
    case 'abandon':
      return error(`Whether it ran is unknown; ${by} gave it up.`);
    default:
      throw new TaskStateError(taskId, "An unknown task can be resolved as 'done', 'retry' or 'abandon'; choose one of them.");
  }
}
