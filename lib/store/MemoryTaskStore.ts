import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../model/Task.js';
import { isFinished, isLegalEdge, TASK_STATUSES } from '../model/Task.js';
import { changedTask } from './changedTask.js';
import { BOUND_FIELDS } from './TaskStore.js';
import type { TaskChange, TaskClaim, TaskInsertion, TaskOutcome, TaskQuery, TaskStore } from './TaskStore.js';

const DEFAULT_LIST_LIMIT = 1_000;

/** What goes back to approved has no claim any more; an `unknown` task has the error that made it so, and what it becomes has its own, or none. */
const LEFT_BEHIND: Partial<Record<TaskStatus, readonly string[]>> = { approved: ['claimToken', 'startedAtMs'], completed: ['error'] };

/** Keeps tasks in this process: the default. They end with it. */
export class MemoryTaskStore implements TaskStore {
  readonly durable = false;
  /** In order of creation. A task is never changed: each change is a new object. */
  readonly #tasks = new Map<string, Task>();
  readonly #byDecision = new Map<string, string>();
  /** Finished ones, in the order they finished. */
  readonly #finished = new Set<string>();
  readonly #counts: Record<TaskStatus, number>;

  constructor() {
    this.#counts = Object.fromEntries(TASK_STATUSES.map((s) => [s, 0])) as Record<TaskStatus, number>;
  }

  insert(task: PendingTask): TaskInsertion {
    const taken = this.#tasks.get(task.taskId) ?? this.#tasks.get(this.#byDecision.get(task.decisionId) ?? '');
    if (taken !== undefined) {
      const same = BOUND_FIELDS.every((field) => taken[field] === task[field]);
      return { outcome: same ? 'exists' : 'conflict', task: taken };
    }
    this.#tasks.set(task.taskId, task);
    this.#byDecision.set(task.decisionId, task.taskId);
    this.#counts[task.status] += 1;
    return { outcome: 'created', task };
  }

  get(taskId: string): Task | undefined {
    return this.#tasks.get(taskId);
  }

  list(query: TaskQuery): readonly Task[] {
    const { status, agentId, toolName, limit = DEFAULT_LIST_LIMIT } = query;
    const found: Task[] = [];
    for (const task of this.#tasks.values()) {
      if (found.length >= limit) break;
      if (status !== undefined && (typeof status === 'string' ? task.status !== status : !status.includes(task.status))) continue;
      if (agentId !== undefined && task.agentId !== agentId) continue;
      if (toolName !== undefined && task.toolName !== toolName) continue;
      found.push(task);
    }
    return found;
  }

  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Task | undefined {
    const task = this.#tasks.get(taskId);
    if (task === undefined || !from.includes(task.status) || !isTransition(task.status, change.to)) return undefined;
    const stamp = { status: change.to, updatedAtMs: nowMs, version: task.version + 1 };
    if (change.to !== 'pending') return this.#replace(task, changedTask(task, change, stamp, LEFT_BEHIND[change.to]));
    // an approval stands for one call, ever: earlier ones stay taken as long as the task is here
    if (this.#byDecision.has(change.decisionId)) return undefined;
    this.#byDecision.set(change.decisionId, taskId);
    const patch = { ...change, history: [...task.history, task.decisionId] };
    return this.#replace(task, changedTask(task, patch, stamp, ['approvedBy']));
  }

  claim({ taskId, token, digest, nowMs }: TaskClaim): ExecutingTask | undefined {
    const task = this.#tasks.get(taskId);
    if (task?.status !== 'approved' || task.digest !== digest || nowMs >= task.expiresAtMs) return undefined;
    const stamp = { status: 'executing', updatedAtMs: nowMs, version: task.version + 1 } as const;
    const next = changedTask(task, { claimToken: token, startedAtMs: nowMs }, stamp);
    return this.#replace(task, next) as ExecutingTask;
  }

  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Task | undefined {
    const task = this.#tasks.get(taskId);
    // an unknown task keeps the token of the execution it lost sight of
    if (task === undefined || (task as Partial<ExecutingTask>).claimToken !== token) return undefined;
    if (!isLegalEdge(task.status, outcome.to) || (task.status !== 'executing' && task.status !== 'unknown')) return undefined;
    const stamp = { status: outcome.to, updatedAtMs: nowMs, version: task.version + 1 };
    return this.#replace(task, changedTask(task, outcome, stamp, ['error']));
  }

  countAttempt(taskId: string): Task | undefined {
    const task = this.#tasks.get(taskId);
    if (task === undefined) return undefined;
    const next = changedTask(task, { attemptCount: task.attemptCount + 1 }, task);
    this.#tasks.set(taskId, next);
    return next;
  }

  delete(taskId: string, from: readonly TaskStatus[]): boolean {
    const task = this.#tasks.get(taskId);
    if (task === undefined || !from.includes(task.status)) return false;
    this.#tasks.delete(taskId);
    this.#finished.delete(taskId);
    for (const decisionId of [...task.history, task.decisionId]) this.#byDecision.delete(decisionId);
    this.#counts[task.status] -= 1;
    return true;
  }

  prune({ keep, finishedBeforeMs }: { readonly keep: number; readonly finishedBeforeMs: number }): number {
    let pruned = 0;
    for (const taskId of this.#finished) {
      const task = this.#tasks.get(taskId) as Task;
      if (this.#finished.size <= keep && task.updatedAtMs >= finishedBeforeMs) break;
      this.delete(taskId, [task.status]);
      pruned += 1;
    }
    return pruned;
  }

  counts(): Readonly<Record<TaskStatus, number>> {
    return { ...this.#counts };
  }

  #replace(task: Task, next: Task): Task {
    this.#tasks.set(task.taskId, next);
    this.#counts[task.status] -= 1;
    this.#counts[next.status] += 1;
    if (isFinished(next.status)) this.#finished.add(next.taskId);
    return next;
  }
}

/** A legal edge that is neither a claim nor the end of one. */
function isTransition(from: TaskStatus, to: TaskStatus): boolean {
  return isLegalEdge(from, to) && to !== 'executing' && (from !== 'executing' || to === 'approved');
}
