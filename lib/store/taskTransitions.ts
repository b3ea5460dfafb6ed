import { isLegalEdge } from '../model/Task.js';
import type { ErrorSummary } from '../model/AegisError.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../model/Task.js';
import { patchTask } from './patchTask.js';
import { BOUND_FIELDS } from './TaskStore.js';
import type { TaskChange, TaskClaim, TaskInsertion, TaskOutcome } from './TaskStore.js';

/** What goes back to approved has no claim any more; an `unknown` task has the error that made it so, and what it becomes has its own, or none. */
const LEFT_BEHIND: Partial<Record<TaskStatus, readonly string[]>> = {
  approved: ['claimToken', 'executorId', 'leaseUntilMs', 'startedAtMs'],
  unknown: ['leaseUntilMs'],
  completed: ['error'],
};

const LAPSED: ErrorSummary = {
  name: 'OutcomeUnknownError',
  code: 'outcome_unknown',
  message: 'Its process ended or stopped while it was executing: it may have run, wholly, partly or not at all.',
};

/** What inserting finds where the taskId or the decisionId is taken. */
export function insertionOver(taken: Task, task: PendingTask): TaskInsertion {
  return { outcome: BOUND_FIELDS.every((field) => taken[field] === task[field]) ? 'exists' : 'conflict', task: taken };
}

/** The task after a transition; `undefined` where it must not happen. That the decisionId of a new question is free is the store's to see. */
export function transitioned(task: Task, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Task | undefined {
  const to = change.to as TaskStatus;
  // a claim, and the end of one, are no transitions: they need a token
  if (!from.includes(task.status) || !isLegalEdge(task.status, to) || to === 'executing' || task.status === 'executing') return undefined;
  const stamp = stampOf(task, to, nowMs);
  if (change.to !== 'pending') return patchTask(task, change, stamp, LEFT_BEHIND[to]);
  return patchTask(task, { ...change, history: [...task.history, task.decisionId] }, stamp, ['approvedBy']);
}

/** The task once it is claimed; `undefined` where it cannot be. */
export function claimed(
  task: Task | undefined,
  { token, digest, nowMs, leaseMs }: TaskClaim,
  executorId: string,
  storeNowMs: number = nowMs,
): ExecutingTask | undefined {
  const latestMs = Math.max(nowMs, storeNowMs);
  if (task?.status !== 'approved' || task.digest !== digest || latestMs >= task.expiresAtMs) return undefined;
  const claim = { claimToken: token, executorId, leaseUntilMs: storeNowMs + leaseMs, startedAtMs: nowMs, runs: task.runs + 1 };
  return patchTask(task, claim, stampOf(task, 'executing', nowMs)) as ExecutingTask;
}

/** The task once an execution that has not begun is given back; `undefined` where the token is another's. */
export function released(task: Task | undefined, token: string, nowMs: number): Task | undefined {
  if (task?.status !== 'executing' || task.claimToken !== token) return undefined;
  return patchTask(task, { runs: task.runs - 1 }, stampOf(task, 'approved', nowMs), LEFT_BEHIND.approved);
}

/** The task once its execution ended; `undefined` where the token is another's, or a person has spoken. */
export function settled(task: Task | undefined, token: string, outcome: TaskOutcome, nowMs: number): Task | undefined {
  // an unknown task keeps the token of the execution it lost sight of
  const holder = (task as Partial<ExecutingTask> | undefined)?.claimToken;
  if (task === undefined || holder === undefined || holder !== token) return undefined;
  if (!isLegalEdge(task.status, outcome.to) || (task.status !== 'executing' && task.status !== 'unknown')) return undefined;
  return patchTask(task, outcome, stampOf(task, outcome.to, nowMs), ['error', 'leaseUntilMs']);
}

/** The task once its lease has lapsed; `undefined` where it has not. */
export function lapsed(task: Task | undefined, nowMs: number, maxRuns: number): Task | undefined {
  if (task?.status !== 'executing' || task.leaseUntilMs > nowMs) return undefined;
  const again = task.origin?.idempotent === true && task.runs < maxRuns;
  if (again) return patchTask(task, {}, stampOf(task, 'approved', nowMs), LEFT_BEHIND.approved);
  return patchTask(task, { error: LAPSED }, stampOf(task, 'unknown', nowMs), LEFT_BEHIND.unknown);
}

/** The task with its lease renewed, if it is that handle's to execute. No change of version: nothing happened to it. */
export function renewed(task: Task, executorId: string, leaseUntilMs: number): Task | undefined {
  if (task.status !== 'executing' || task.executorId !== executorId) return undefined;
  return patchTask(task, { leaseUntilMs }, task);
}

/** A task with one status poll more. No change of version. */
export function polled(task: Task): Task {
  return patchTask(task, { attemptCount: task.attemptCount + 1 }, task);
}

function stampOf(task: Task, status: TaskStatus, nowMs: number): { status: TaskStatus; updatedAtMs: number; version: number } {
  return { status, updatedAtMs: nowMs, version: task.version + 1 };
}
