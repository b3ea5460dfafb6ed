import { nextId } from '../../common/nextId.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../model/Task.js';
import { isFinished } from '../../model/Task.js';
import { frozenData, holdsDate } from '../../model/snapshot/frozenData.js';
import { sizeOf } from '../../model/snapshot/sizeOf.js';
import { storeLimits } from '../storeLimits.js';
import { taskSummary } from '../taskSummary.js';
import { claimed, insertionOver, lapsed, polled, released, renewed, settled, taskCounts, transitionedTask } from '../taskTransitions.js';
import type {
  DueQuery,
  DuplicateCallQuery,
  PruneLimits,
  SweptTasks,
  TaskChange,
  TaskClaim,
  TaskInsertion,
  TaskOutcome,
  TaskQuery,
  TaskStore,
  TaskSummary,
} from '../TaskStore.js';

/** Keeps tasks in the memory of this process. It is the default, and its tasks end with the process. */
export class MemoryTaskStore implements TaskStore {
  readonly durable = false;
  readonly ownerId: string = nextId('store');
  /** In the order of creation. A task object never changes: each change makes a new one. */
  readonly #tasks = new Map<string, Task>();
  readonly #byDecision = new Map<string, string>();
  /** Sizes of finished tasks by id, in the order in which they finished. */
  readonly #finished = new Map<string, number>();
  #finishedBytes = 0;
  /** Ids of tasks with a Date in them, which cannot be frozen: each reader gets a copy. */
  readonly #dated = new Set<string>();
  readonly #counts = taskCounts();
  readonly #haltChanges: (() => number) | undefined;
  #latestMs = 0;
  #liveUntilMs = 0;

  /** @param haltChanges how often the halts were changed that are kept with these tasks; without it, none are, and only their process says what is halted */
  constructor(haltChanges?: () => number) {
    this.#haltChanges = haltChanges;
  }

  insert(task: PendingTask): TaskInsertion {
    const taken = this.#tasks.get(task.taskId) ?? this.#tasks.get(this.#byDecision.get(task.decisionId) ?? '');
    if (taken !== undefined) return insertionOver(this.#shown(taken), task);
    this.#byDecision.set(task.decisionId, task.taskId);
    this.#counts[task.status] += 1;
    return { outcome: 'created', task: this.#put(task) };
  }

  /** One task, or `undefined`. */
  get(taskId: string): Task | undefined {
    return this.#shownOrNone(this.#tasks.get(taskId));
  }

  ofDecision(decisionId: string): Task | undefined {
    return this.#shownOrNone(this.#tasks.get(this.#byDecision.get(decisionId) ?? ''));
  }

  /** Rarely called: a guard finds the calls that wait in this process without the store. */
  findOpen({ guardKey, agentId, originalDigest, sessionDigest, mode }: DuplicateCallQuery): Task | undefined {
    let pending: Task | undefined;
    for (const task of this.#tasks.values()) {
      if (task.status !== 'pending' && task.status !== 'approved') continue;
      const equal = task.guardKey === guardKey && task.agentId === agentId && task.mode === mode;
      if (!equal || task.originalDigest !== originalDigest || task.sessionDigest !== sessionDigest) continue;
      if (task.status === 'approved') return this.#shown(task);
      pending ??= task;
    }
    return this.#shownOrNone(pending);
  }

  list(query: TaskQuery): readonly Task[] {
    return this.#matching(query).map((task) => this.#shown(task));
  }

  listSummaries(query: TaskQuery): readonly TaskSummary[] {
    return this.#matching(query).map((task) => taskSummary(task, `${task.createdAtMs}:${task.taskId}`));
  }

  #matching({ status, agentId, toolName, after, limit = storeLimits.listed }: TaskQuery): readonly Task[] {
    const found: Task[] = [];
    for (const task of after === undefined ? this.#tasks.values() : this.#madeAfter(after)) {
      if (found.length >= limit) break;
      if (status !== undefined && (typeof status === 'string' ? task.status !== status : !status.includes(task.status))) continue;
      if (agentId !== undefined && task.agentId !== agentId) continue;
      if (toolName !== undefined && task.toolName !== toolName) continue;
      found.push(task);
    }
    return found;
  }

  /** The task of the cursor may be gone: then those follow that were made at that time or later. */
  *#madeAfter(cursor: string): Generator<Task> {
    const [, time, taskId = ''] = /^(-?\d+(?:\.\d+)?):(.*)$/s.exec(cursor) ?? [];
    const isThere = this.#tasks.has(taskId);
    const sinceMs = time === undefined ? Infinity : Number(time);
    let isPast = false;
    for (const task of this.#tasks.values()) {
      if (isPast) yield task;
      else if (isThere) isPast = task.taskId === taskId;
      else if (task.createdAtMs >= sinceMs) {
        isPast = true;
        yield task;
      }
    }
  }

  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Task | undefined {
    const task = this.#tasks.get(taskId);
    const next = task && transitionedTask(task, from, change, nowMs);
    if (next === undefined || change.to !== 'pending') return this.#replace(task, next);
    // an approval is for one call only: the decisionIds that a task had stay taken as long as the task exists
    if (this.#byDecision.has(change.decisionId)) return undefined;
    this.#byDecision.set(change.decisionId, taskId);
    return this.#replace(task, next);
  }

  claim(claim: TaskClaim): ExecutingTask | undefined {
    const task = this.#tasks.get(claim.taskId);
    if (claim.haltChanges !== undefined && this.#haltChanges !== undefined && this.#haltChanges() !== claim.haltChanges) return undefined;
    return this.#replace(task, claimed(task, claim, this.ownerId)) as ExecutingTask | undefined;
  }

  release(taskId: string, token: string, nowMs: number): Task | undefined {
    const task = this.#tasks.get(taskId);
    return this.#replace(task, released(task, token, nowMs));
  }

  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Task | undefined {
    const task = this.#tasks.get(taskId);
    return this.#replace(task, settled(task, token, outcome, nowMs));
  }

  countAttempt(taskId: string): Task | undefined {
    const task = this.#tasks.get(taskId);
    return this.#replace(task, task && polled(task));
  }

  delete(taskId: string, from: readonly TaskStatus[]): boolean {
    const task = this.#tasks.get(taskId);
    if (task === undefined || !from.includes(task.status)) return false;
    this.#tasks.delete(taskId);
    this.#finishedBytes -= this.#finished.get(taskId) ?? 0;
    this.#finished.delete(taskId);
    this.#dated.delete(taskId);
    for (const decisionId of [...task.history, task.decisionId]) this.#byDecision.delete(decisionId);
    this.#counts[task.status] -= 1;
    return true;
  }

  prune({ keep, keepBytes = Infinity, finishedBeforeMs }: PruneLimits): number {
    let pruned = 0;
    for (const taskId of this.#finished.keys()) {
      const task = this.#tasks.get(taskId) as Task;
      const isWithin = this.#finished.size <= keep && (this.#finishedBytes <= keepBytes || this.#finished.size === 1);
      if (isWithin && task.updatedAtMs >= finishedBeforeMs) break;
      this.delete(taskId, [task.status]);
      pruned += 1;
    }
    return pruned;
  }

  /** How many tasks there are in each status. */
  counts(): Readonly<Record<TaskStatus, number>> {
    return { ...this.#counts };
  }

  /** This handle is the only one on its tasks. */
  heartbeat(leaseMs: number, nowMs: number): number {
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    this.#liveUntilMs = this.#latestMs + leaseMs;
    for (const task of this.#executing()) this.#replace(task, renewed(task, this.ownerId, this.#liveUntilMs));
    return this.#latestMs;
  }

  isLive(ownerId: string, nowMs: number): boolean {
    return ownerId === this.ownerId && this.#liveUntilMs > nowMs;
  }

  sweep({ nowMs, maxRuns, limit }: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number }): SweptTasks {
    const ended: Task[] = [];
    for (const task of this.#executing()) {
      if (ended.length >= limit) break;
      const next = lapsed(task, nowMs, maxRuns);
      if (next !== undefined) ended.push(this.#replace(task, next) as Task);
    }
    return { unknown: ended.filter((t) => t.status === 'unknown'), reclaimed: ended.filter((t) => t.status === 'approved') };
  }

  /** Always empty: this process handles all its tasks. */
  due(_query: DueQuery): readonly Task[] {
    return [];
  }

  /** Does nothing: {@link due} returns no tasks. */
  makeDue(): void {}

  /** Reports nothing: there is no other handle. */
  watch(): () => void {
    return () => {};
  }

  #executing(): readonly Task[] {
    return this.#counts.executing === 0 ? [] : [...this.#tasks.values()].filter((t) => t.status === 'executing');
  }

  #replace(task: Task | undefined, next: Task | undefined): Task | undefined {
    if (task === undefined || next === undefined) return undefined;
    const kept = this.#put(next);
    if (task.status === next.status) return kept;
    this.#counts[task.status] -= 1;
    this.#counts[next.status] += 1;
    if (isFinished(next.status)) this.#noteFinished(kept);
    return kept;
  }

  #noteFinished(task: Task): void {
    const bytes = sizeOf(task);
    this.#finished.set(task.taskId, bytes);
    this.#finishedBytes += bytes;
  }

  /** Keeps a task that no one else can change, and returns it as others may have it. */
  #put<T extends Task>(task: T): T {
    const kept = frozenData(task);
    this.#tasks.set(task.taskId, kept);
    if (holdsDate(kept)) this.#dated.add(task.taskId);
    else this.#dated.delete(task.taskId);
    return this.#shown(kept);
  }

  #shown<T extends Task>(task: T): T {
    return this.#dated.has(task.taskId) ? frozenData(task) : task;
  }

  #shownOrNone(task: Task | undefined): Task | undefined {
    return task && this.#shown(task);
  }
}
