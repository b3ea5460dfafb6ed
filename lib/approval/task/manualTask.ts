import { didYouMean } from '../../common/didYouMean.js';
import { nextId } from '../../common/nextId.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import { TaskStateError } from '../../model/errors/SetupErrors.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import { sizeOf } from '../../model/snapshot/sizeOf.js';
import { PERSON_ID, personId } from '../../model/personId.js';
import type { PendingTask, Task, TaskResolution, TaskStatus } from '../../model/Task.js';
import { mayBecome, TASK_STATUSES } from '../../model/Task.js';
import type { TaskChange } from '../../store/TaskStore.js';

export { ManualDeadlines } from './ManualDeadlines.js';

/** What a manual task is made of. */
export interface NewTask {
  /** The agent that the task is for. */
  readonly agentId: string;
  /** The tool that the task is for. */
  readonly toolName: string;
  /** The id of the decision that asked for an approval. */
  readonly decisionId: string;
  /** @defaultValue an id of its own */
  readonly taskId?: string | undefined;
  /** Data of the program about the task. The library does not read it. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * How long it may stay pending, in milliseconds. Its status is `timeout` afterwards.
   *
   * @defaultValue 86,400,000 (a day)
   */
  readonly timeoutMs?: number | undefined;
}

/** How a person settles an unknown task, who that is, and why. */
export interface UnknownResolution {
  /** `done`: it ran, so it is completed. `abandon`: it failed. `retry`: it failed, and is called again as a new task. */
  readonly outcome: 'done' | 'retry' | 'abandon';
  /** The person who says so: an id that the host has authenticated, by the rules of a verdict's `by`. */
  readonly by: string;
  /** Why, for the record. */
  readonly reason?: string | undefined;
  /** The person has made sure that the process which executed it is gone, although it looks alive. Only for `retry`. */
  readonly confirmExecutorDead?: boolean | undefined;
}

/** Where a task stands, and whether it is a manual one. */
type Standing = Pick<Task, 'status' | 'mode'>;

/** A task that belongs to no call. It has no params and no digest, so that nothing can claim or run it: the program that made it ends it. */
export function manualTask({ agentId, toolName, decisionId, taskId, metadata, timeoutMs = DAY_MS }: NewTask, nowMs: number): PendingTask {
  const kept = frozenData(metadata ?? {});
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
    metadata: kept,
    history: [],
    retryOf: undefined,
    origin: undefined,
    sizeBytes: sizeOf(kept),
  });
}

/** How the program cancels a task: it was `deleted` or `cleared`. */
export function manualCancellation(how: string): TaskChange {
  return { to: 'cancelled', error: { name: 'ApprovalCancelledError', code: 'approval_cancelled', message: `The task was ${how}.` } };
}

/** The end of a manual task that the program did not end in time. */
export function manualTimeout(): TaskChange {
  return { to: 'timeout', error: { name: 'ApprovalTimeoutError', code: 'approval_timeout', message: 'The task was not ended in time.' } };
}

/** The change that `updateStatus` asks for, or `undefined` where the program may not make it. */
export function manualChange(task: Standing, to: TaskStatus, reason: string | undefined, result: unknown): TaskChange | undefined {
  if (!mayBecome(task, to)) return undefined;
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

/** Says why `updateStatus` may not set a status, and which it may set. */
export function whyNotSet(task: Standing, to: TaskStatus): string {
  const { status: from } = task;
  const settable = from === 'executing' ? [] : TASK_STATUSES.filter((one) => manualChange(task, one, undefined, undefined) !== undefined);
  const refused = `The program cannot set a task that is ${from} to ${String(to).slice(0, 64)}`;
  if (settable.length === 0)
    return `${refused}; ${from === 'executing' ? 'only its execution ends it' : 'a finished task does not change'}.`;
  return `${refused}; it may set ${settable.join(', ')}${didYouMean(to, TASK_STATUSES.includes(to) ? [] : settable) || '.'}`;
}

/**
 * The change that a person's resolution makes to an unknown task.
 *
 * @throws TaskStateError where `by` names no person, or `outcome` is not one of the three
 */
export function resolutionChange(taskId: string, { outcome, by: person, reason }: UnknownResolution, atMs: number): TaskChange {
  const by = personId(person);
  if (by === undefined || (reason !== undefined && typeof reason !== 'string'))
    throw new TaskStateError(taskId, `\`by\` must be ${PERSON_ID}; \`reason\` must be a string, or be left out.`);
  const resolution: TaskResolution = { how: outcome, by, reason, atMs };
  const error = (message: string): TaskChange => ({
    to: 'failed',
    error: { name: 'OutcomeUnknownError', code: 'outcome_unknown', message },
    resolution,
  });
  switch (outcome) {
    case 'done':
      return { to: 'completed', result: undefined, resolution };
    case 'retry':
      return error(`Whether it ran is unknown; ${by} had it called again.`);
    case 'abandon':
      return error(`Whether it ran is unknown; ${by} abandoned it.`);
    default:
      throw new TaskStateError(
        taskId,
        `\`outcome\` must be 'done', 'retry' or 'abandon'${didYouMean(outcome, ['done', 'retry', 'abandon']) || '.'}`,
      );
  }
}
