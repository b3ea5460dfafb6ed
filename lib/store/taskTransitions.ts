import { setOwn } from '../common/data/plainObject.js';
import type { ErrorSummary } from '../model/AegisError.js';
import type { Params } from '../model/Params.js';
import { isFinished, isLegalEdge, mayBecome, TASK_STATUSES } from '../model/Task.js';
import type { ExecutingTask, PendingTask, Task, TaskFields, TaskStatus } from '../model/Task.js';
import { BOUND_FIELDS } from './TaskStore.js';
import type { TaskChange, TaskClaim, TaskInsertion, TaskOutcome } from './TaskStore.js';

/** The status, time and version that a change gives to a task. */
type Stamp = Pick<TaskFields, 'updatedAtMs' | 'version'> & { readonly status: TaskStatus };

/** The fields that a task loses on its way to a status. An approved task has no claim, and a completed one has no error. */
const DROPPED: Partial<Record<TaskStatus, readonly string[]>> = {
  approved: ['claimToken', 'executorId', 'leaseUntilMs', 'startedAtMs'],
  unknown: ['leaseUntilMs'],
  completed: ['error'],
};

const NO_PARAMS: Params = Object.freeze({});

const LAPSED: ErrorSummary = {
  name: 'OutcomeUnknownError',
  code: 'outcome_unknown',
  message: 'Its process ended or stopped while it was executing: it may have run completely, partly or not at all.',
};

const RESTORED: ErrorSummary = {
  name: 'OutcomeUnknownError',
  code: 'outcome_unknown',
  message:
    'The store was restored, copied or taken over by a replica: what ran after its state was saved is not known, so the call may have run.',
};

/** What inserting finds where the taskId or the decisionId is taken. */
export function insertionOver(taken: Task, task: PendingTask): TaskInsertion {
  return { outcome: BOUND_FIELDS.every((field) => taken[field] === task[field]) ? 'exists' : 'conflict', task: taken };
}

/** The task after a transition; `undefined` where it must not happen. The store itself checks that the decisionId of a new question is free. */
export function transitionedTask(task: Task, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Task | undefined {
  const to = change.to as TaskStatus;
  // a claim, and the end of one, need a token: they are no transitions
  if (!from.includes(task.status) || !mayBecome(task, to) || to === 'executing' || task.status === 'executing') return undefined;
  const stamp = nextStamp(task, to, nowMs);
  if (change.to !== 'pending') return patchTask(task, change, stamp, DROPPED[to]);
  // what was offered with one approval says nothing of another
  return patchTask(task, { ...change, history: [...task.history, task.decisionId] }, stamp, [
    'approvedBy',
    'offers',
    'auditSalt',
    'edited',
  ]);
}

/** The task once it is claimed; `undefined` where it cannot be claimed. */
export function claimed(
  task: Task | undefined,
  { token, digest, nowMs, leaseMs }: TaskClaim,
  executorId: string,
  storeNowMs: number = nowMs,
): ExecutingTask | undefined {
  const latestMs = Math.max(nowMs, storeNowMs);
  if (task?.status !== 'approved' || task.digest !== digest || latestMs >= task.expiresAtMs) return undefined;
  const claim = { claimToken: token, executorId, leaseUntilMs: storeNowMs + leaseMs, startedAtMs: nowMs, runs: task.runs + 1 };
  return patchTask(task, claim, nextStamp(task, 'executing', nowMs)) as ExecutingTask;
}

/** The task once an execution that has not begun is given back; `undefined` where another execution holds the task. */
export function released(task: Task | undefined, token: string, nowMs: number): Task | undefined {
  if (task?.status !== 'executing' || task.claimToken !== token) return undefined;
  return patchTask(task, { runs: task.runs - 1 }, nextStamp(task, 'approved', nowMs), DROPPED.approved);
}

/** The task once its execution ended; `undefined` where the token is another execution's, or a person has resolved the task. */
export function settled(task: Task | undefined, token: string, outcome: TaskOutcome, nowMs: number): Task | undefined {
  // an unknown task keeps the token of its last execution, so that a late outcome still counts
  const holder = (task as Partial<ExecutingTask> | undefined)?.claimToken;
  if (task === undefined || holder === undefined || holder !== token) return undefined;
  if (!isLegalEdge(task.status, outcome.to) || (task.status !== 'executing' && task.status !== 'unknown')) return undefined;
  return patchTask(task, outcome, nextStamp(task, outcome.to, nowMs), ['error', 'leaseUntilMs']);
}

/** The task once its lease has lapsed; `undefined` where the lease still holds. */
export function lapsed(task: Task | undefined, nowMs: number, maxRuns: number): Task | undefined {
  if (task?.status !== 'executing' || task.leaseUntilMs > nowMs) return undefined;
  const again = task.origin?.idempotent === true && task.runs < maxRuns;
  if (again) return patchTask(task, {}, nextStamp(task, 'approved', nowMs), DROPPED.approved);
  return patchTask(task, { error: LAPSED }, nextStamp(task, 'unknown', nowMs), DROPPED.unknown);
}

/**
 * An approved or executing task in a store that was restored. It may have run after the state was saved, so it becomes `unknown`, also where it is
 * idempotent. As after a lapsed lease it keeps who approved it, the claim token and the executor: the person who resolves it needs them, and a late
 * outcome of that execution still counts.
 */
export function restored(task: Task, nowMs: number): Task {
  return patchTask(task, { error: RESTORED }, nextStamp(task, 'unknown', nowMs), DROPPED.unknown);
}

/** The task with its lease renewed, if that handle executes it. The version stays: nothing happened to the task. */
export function renewed(task: Task, executorId: string, leaseUntilMs: number): Task | undefined {
  if (task.status !== 'executing' || task.executorId !== executorId) return undefined;
  return patchTask(task, { leaseUntilMs }, task);
}

/** The task with one more status poll. The version stays. */
export function polled(task: Task): Task {
  return patchTask(task, { attemptCount: task.attemptCount + 1 }, task);
}

/** How many tasks there are of each status, with a zero for each status that was not found. */
export function taskCounts(found: Iterable<readonly [TaskStatus, number]> = []): Record<TaskStatus, number> {
  const counts = Object.fromEntries(TASK_STATUSES.map((status) => [status, 0])) as Record<TaskStatus, number>;
  for (const [status, count] of found) counts[status] = count;
  return counts;
}

/**
 * A copy of a task with other fields. It is frozen, because the registry hands out this very object.
 *
 * @param without fields of the task's present status that its next one does not have
 */
export function patchTask(task: Task, patch: object, stamp: Stamp, without: readonly string[] = []): Task {
  const next = commonFields(task, stamp);
  for (const [field, value] of Object.entries(task))
    if (!Object.hasOwn(next, field) && !without.includes(field)) setOwn(next, field, value);
  // a change names its status in `to`
  for (const [field, value] of Object.entries(patch)) if (field !== 'to') setOwn(next, field, value);
  for (const field of ['status', 'updatedAtMs', 'version'] as const) setOwn(next, field, stamp[field]);
  if (isFinished(stamp.status) && !isFinished(task.status)) dropParams(next);
  return Object.freeze(next) as Task;
}

/** Written out, because V8 gives each object made by a spread that adds a field its own hidden class: ten times the time and four times the memory. */
function commonFields(task: Task, { status, updatedAtMs, version }: Stamp): TaskFields & { readonly status: TaskStatus } {
  return {
    status,
    taskId: task.taskId,
    decisionId: task.decisionId,
    agentId: task.agentId,
    toolName: task.toolName,
    guardKey: task.guardKey,
    params: task.params,
    digest: task.digest,
    originalDigest: task.originalDigest,
    session: task.session,
    sessionDigest: task.sessionDigest,
    reason: task.reason,
    mode: task.mode,
    createdAtMs: task.createdAtMs,
    updatedAtMs,
    expiresAtMs: task.expiresAtMs,
    attemptCount: task.attemptCount,
    runs: task.runs,
    version,
    metadata: task.metadata,
    history: task.history,
    retryOf: task.retryOf,
    origin: task.origin,
  };
}

/** Nothing runs a finished task, and params can be large. Their digests stay. */
function dropParams(task: object): void {
  const { origin } = task as Partial<Task>;
  setOwn(task, 'params', NO_PARAMS);
  if (origin !== undefined) setOwn(task, 'origin', Object.freeze({ ...origin, originalParams: NO_PARAMS }));
}

function nextStamp(task: Task, status: TaskStatus, nowMs: number): Stamp {
  return { status, updatedAtMs: nowMs, version: task.version + 1 };
}
