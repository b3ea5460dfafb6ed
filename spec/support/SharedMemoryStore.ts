import { taskSummary } from '../../lib/store/taskSummary.js';
import { callSafely } from '../../lib/common/awaitable.js';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { nextId } from '../../lib/common/nextId.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../lib/model/Task.js';
import { isFinished, TASK_STATUSES } from '../../lib/model/Task.js';
import type { ApprovalQuery, ApprovalRecord, ApprovalStore } from '../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../lib/store/memory/MemoryApprovalStore.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import { frozenData } from '../../lib/model/snapshot/frozenData.js';
import { toStoredChange } from '../../lib/store/storedJson.js';
import { claimed, insertionOver, lapsed, polled, released, renewed, settled, transitionedTask } from '../../lib/store/taskTransitions.js';
import type {
  DueQuery,
  DuplicateCallQuery,
  StoreChange,
  SweptTasks,
  TaskChange,
  TaskClaim,
  TaskInsertion,
  TaskOutcome,
  TaskQuery,
  TaskStore,
  TaskSummary,
} from '../../lib/store/TaskStore.js';
import { Faults } from './storeTroubles.js';

export interface SharedMemoryOptions {
  /** Answers some promises later, as a database does; what it does, it does in the middle. Default false: at once. */
  readonly later?: boolean;
}

/** What the handles share: what would be on the disk. */
interface Shared {
  readonly tasks: Map<string, Task>;
  readonly byDecision: Map<string, string>;
  /** When a task that was given is due again, unless it has changed since. */
  readonly given: Map<string, { readonly version: number; readonly untilMs: number }>;
  /** Pending tasks whose approval was decided. */
  readonly decided: Set<string>;
  readonly liveUntilMs: Map<string, number>;
  readonly approvals: MemoryApprovalStore;
  readonly watching: Map<(change: StoreChange) => void, SharedMemoryStore>;
  latestMs: number;
}

/**
 * A durable store in memory, with any number of handles: each stands for a process, and what they share survives them all. A process that dies is a
 * handle that beats no more.
 */
export class SharedMemoryStore implements StateStore {
  readonly ownerId: string = nextId('owner');
  readonly tasks: TaskStore;
  readonly approvals: ApprovalStore;
  /** Makes calls fail, or their answers late. */
  readonly faults: Faults;
  readonly #shared: Shared;
  readonly #options: SharedMemoryOptions;

  constructor(options: SharedMemoryOptions = {}, from?: SharedMemoryStore) {
    this.#options = options;
    this.faults = new Faults(options.later === true);
    this.#shared = from === undefined ? emptyState() : from.#shared;
    this.tasks = new SharedTasks(this, this.#shared);
    this.approvals = new SharedApprovals(this, this.#shared);
  }

  /** Another process on the same state. */
  another(options: SharedMemoryOptions = this.#options): SharedMemoryStore {
    return new SharedMemoryStore(options, this);
  }

  open(): void {}

  close(): void {
    this.#shared.liveUntilMs.delete(this.ownerId);
    for (const [listener, handle] of this.#shared.watching) if (handle === this) this.#shared.watching.delete(listener);
  }

  /** Its process ends, without a word: nothing gets through any more, and its last lease lapses by itself. */
  die(): void {
    this.faults.away = true;
    for (const [listener, handle] of this.#shared.watching) if (handle === this) this.#shared.watching.delete(listener);
  }

  /** Writes a task as somebody would who has access to the file. */
  tamper(taskId: string, change: object): void {
    this.#shared.tasks.set(taskId, { ...(this.#shared.tasks.get(taskId) as Task), ...change });
  }

  /** Tells every other handle. */
  tell(change: StoreChange): void {
    for (const [listener, handle] of this.#shared.watching) {
      if (handle === this) continue;
      void Promise.resolve().then(() => {
        if (this.#shared.watching.has(listener)) callSafely(listener, [change], () => {});
      });
    }
  }
}

function emptyState(): Shared {
  return {
    tasks: new Map(),
    byDecision: new Map(),
    given: new Map(),
    decided: new Set(),
    liveUntilMs: new Map(),
    approvals: new MemoryApprovalStore(),
    watching: new Map(),
    latestMs: 0,
  };
}

class SharedTasks implements TaskStore {
  readonly durable = true;
  readonly ownerId: string;
  readonly #handle: SharedMemoryStore;
  readonly #state: Shared;

  constructor(handle: SharedMemoryStore, state: Shared) {
    this.#handle = handle;
    this.ownerId = handle.ownerId;
    this.#state = state;
  }

  open(): Awaitable<void> {
    return this.#do('open', () => undefined);
  }

  close(): void {
    this.#handle.close();
  }

  insert(task: PendingTask): Awaitable<TaskInsertion> {
    return this.#do('insert', () => {
      const { tasks, byDecision } = this.#state;
      const taken = tasks.get(task.taskId) ?? tasks.get(byDecision.get(task.decisionId) ?? '');
      if (taken !== undefined) return insertionOver(taken, task);
      byDecision.set(task.decisionId, task.taskId);
      this.#put(task, undefined);
      if ((this.#state.approvals.get(task.decisionId)?.status ?? 'pending') !== 'pending') this.#state.decided.add(task.taskId);
      return { outcome: 'created', task };
    });
  }

  get(taskId: string): Awaitable<Task | undefined> {
    return this.#do('get', () => this.#state.tasks.get(taskId));
  }

  ofDecision(decisionId: string): Awaitable<Task | undefined> {
    return this.#do('ofDecision', () => this.#ofDecision(decisionId));
  }

  findOpen({ guardKey, agentId, originalDigest, sessionDigest, mode }: DuplicateCallQuery): Awaitable<Task | undefined> {
    return this.#do('findOpen', () =>
      this.#all()
        .filter(
          (t) =>
            (t.status === 'pending' || t.status === 'approved') &&
            [t.guardKey, t.agentId, t.originalDigest, t.sessionDigest, t.mode].join('\n') ===
              [guardKey, agentId, originalDigest, sessionDigest, mode].join('\n'),
        )
        .sort((a, b) => this.#rank(a) - this.#rank(b))
        .at(0),
    );
  }

  list(query: TaskQuery): Awaitable<readonly Task[]> {
    return this.#do('list', () => this.#matching(query));
  }

  listSummaries(query: TaskQuery): Awaitable<readonly TaskSummary[]> {
    return this.#do('listSummaries', () => this.#matching(query).map((task) => taskSummary(task, cursorOf(task))));
  }

  #matching({ status, agentId, toolName, after, limit = 1_000 }: TaskQuery): readonly Task[] {
    const statuses = typeof status === 'string' ? [status] : status;
    const all = this.#all();
    return all
      .slice(after === undefined ? 0 : placeAfter(all, after))
      .filter((t) => statuses?.includes(t.status) ?? true)
      .filter((t) => (agentId === undefined || t.agentId === agentId) && (toolName === undefined || t.toolName === toolName))
      .slice(0, limit);
  }

  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Awaitable<Task | undefined> {
    return this.#do('transition', () => {
      const { tasks, byDecision, decided } = this.#state;
      const task = tasks.get(taskId);
      const next = task && transitionedTask(task, from, change, nowMs);
      if (next === undefined) return undefined;
      if (change.to === 'pending') {
        if (byDecision.has(change.decisionId)) return undefined;
        byDecision.set(change.decisionId, taskId);
        decided.delete(taskId);
      }
      return this.#put(next, task);
    });
  }

  claim(claim: TaskClaim): Awaitable<ExecutingTask | undefined> {
    return this.#do('claim', () => {
      const task = this.#state.tasks.get(claim.taskId);
      const next = claimed(task, claim, this.ownerId, this.#now(claim.nowMs));
      return next && (this.#put(next, task) as ExecutingTask);
    });
  }

  release(taskId: string, token: string, nowMs: number): Awaitable<Task | undefined> {
    return this.#do('release', () => this.#change(taskId, (task) => released(task, token, nowMs)));
  }

  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Awaitable<Task | undefined> {
    const stored = toStoredChange(outcome);
    return this.#do('settle', () => this.#change(taskId, (task) => settled(task, token, stored, nowMs)));
  }

  countAttempt(taskId: string): Awaitable<Task | undefined> {
    return this.#do('countAttempt', () => this.#touch(taskId, (task) => polled(task)));
  }

  delete(taskId: string, from: readonly TaskStatus[]): Awaitable<boolean> {
    return this.#do('delete', () => this.#delete(taskId, from));
  }

  prune({ keep, finishedBeforeMs }: { readonly keep: number; readonly finishedBeforeMs: number }): Awaitable<number> {
    return this.#do('prune', () => {
      const finished = this.#all().filter((t) => isFinished(t.status));
      finished.sort((a, b) => a.updatedAtMs - b.updatedAtMs);
      const gone = finished.filter((t, i) => t.updatedAtMs < finishedBeforeMs || finished.length - i > keep);
      for (const task of gone) this.#delete(task.taskId, [task.status]);
      return gone.length;
    });
  }

  counts(): Awaitable<Readonly<Record<TaskStatus, number>>> {
    return this.#do('counts', () => {
      const counts = Object.fromEntries(TASK_STATUSES.map((s) => [s, 0])) as Record<TaskStatus, number>;
      for (const { status } of this.#all()) counts[status] += 1;
      return counts;
    });
  }

  heartbeat(leaseMs: number, nowMs: number): Awaitable<number> {
    return this.#do('heartbeat', () => {
      this.#state.latestMs = this.#now(nowMs);
      const untilMs = this.#state.latestMs + leaseMs;
      this.#state.liveUntilMs.set(this.ownerId, untilMs);
      for (const { taskId } of this.#all()) this.#touch(taskId, (task) => renewed(task, this.ownerId, untilMs));
      return this.#state.latestMs;
    });
  }

  isLive(owner: string, nowMs: number): Awaitable<boolean> {
    return this.#do('isLive', () => this.#isLive(owner, this.#now(nowMs)));
  }

  sweep({ nowMs, maxRuns, limit }: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number }): Awaitable<SweptTasks> {
    return this.#do('sweep', () => {
      const now = this.#now(nowMs);
      const over = this.#all().filter((t) => lapsed(t, now, maxRuns) !== undefined);
      const ended = over.slice(0, limit).map((t) => this.#change(t.taskId, (task) => lapsed(task, now, maxRuns)) as Task);
      return { unknown: ended.filter((t) => t.status === 'unknown'), reclaimed: ended.filter((t) => t.status === 'approved') };
    });
  }

  due(query: DueQuery): Awaitable<readonly Task[]> {
    return this.#do('due', () => {
      const now = this.#now(query.nowMs);
      const due = this.#all().filter((t) => this.#isDue(t, query, now));
      for (const { taskId, version } of due.slice(0, query.limit)) this.#state.given.set(taskId, { version, untilMs: now + query.againMs });
      return due.slice(0, query.limit);
    });
  }

  makeDue(taskIds: readonly string[]): Awaitable<void> {
    return this.#do('makeDue', () => {
      for (const taskId of taskIds) this.#state.given.delete(taskId);
    });
  }

  watch(listener: (change: StoreChange) => void): Awaitable<() => void> {
    return this.#do('watch', () => {
      this.#state.watching.set(listener, this.#handle);
      return () => void this.#state.watching.delete(listener);
    });
  }

  #isDue(task: Task, { idleMs, keys, poll }: DueQuery, now: number): boolean {
    const { taskId, status, mode, origin, version } = task;
    if (status !== 'pending' && status !== 'approved') return false;
    const given = this.#state.given.get(taskId);
    if (given?.version === version && now < given.untilMs) return false;
    if (now >= task.expiresAtMs) return true;
    if (mode === 'manual') return false;
    const lives = origin !== undefined && this.#isLive(origin.ownerId, now);
    if (lives && now - task.updatedAtMs < idleMs) return false;
    if (!lives && origin?.resumable !== true) return true;
    if (status === 'approved') return mode !== 'throw' && keys.includes(task.guardKey);
    return this.#state.decided.has(taskId) || (poll && !lives);
  }

  /** Approved before decided before pending. */
  #rank({ status, taskId }: Task): number {
    return status === 'approved' ? 0 : this.#state.decided.has(taskId) ? 1 : 2;
  }

  #isLive(owner: string, now: number): boolean {
    return (this.#state.liveUntilMs.get(owner) ?? 0) > now;
  }

  #ofDecision(decisionId: string): Task | undefined {
    return this.#state.tasks.get(this.#state.byDecision.get(decisionId) ?? '');
  }

  /** The store's clock stands where the last beat has put it, unless who asks is ahead. */
  #now(nowMs: number): number {
    return Math.max(this.#state.latestMs, nowMs);
  }

  #all(): Task[] {
    return [...this.#state.tasks.values()];
  }

  #change(taskId: string, next: (task: Task) => Task | undefined): Task | undefined {
    const task = this.#state.tasks.get(taskId);
    const changed = task && next(task);
    return changed && this.#put(changed, task);
  }

  /** A change that nobody is told of: it is none of the task's own. */
  #touch(taskId: string, next: (task: Task) => Task | undefined): Task | undefined {
    const task = this.#state.tasks.get(taskId);
    const changed = task && next(task);
    if (changed !== undefined) this.#state.tasks.set(taskId, changed);
    return changed;
  }

  #put(task: Task, before: Task | undefined): Task {
    const { taskId, version, status } = task;
    this.#state.tasks.set(taskId, frozenData(task));
    this.#handle.tell({ kind: 'task', taskId, version, status, from: before?.status });
    return task;
  }

  #delete(taskId: string, from: readonly TaskStatus[]): boolean {
    const { tasks, byDecision } = this.#state;
    const task = tasks.get(taskId);
    if (task === undefined || !from.includes(task.status)) return false;
    tasks.delete(taskId);
    for (const decisionId of [...task.history, task.decisionId]) byDecision.delete(decisionId);
    return true;
  }

  #do<T>(name: string, work: () => T): Awaitable<T> {
    // a Date cannot be frozen: each reader gets a copy
    return this.#handle.faults.around(name, () => frozenData(work()));
  }
}

function cursorOf({ createdAtMs, taskId }: Task): string {
  return `${createdAtMs}:${taskId}`;
}

/** Behind the task of the cursor, or, where that is gone, before those that were made at that time or later. */
function placeAfter(all: readonly Task[], after: string): number {
  const [, time, id] = /^(-?\d+):(.+)$/s.exec(after) ?? [];
  const place = all.findIndex(({ taskId }) => taskId === id);
  if (place !== -1) return place + 1;
  const later = time === undefined ? -1 : all.findIndex(({ createdAtMs }) => createdAtMs >= Number(time));
  return later === -1 ? all.length : later;
}

class SharedApprovals implements ApprovalStore {
  readonly #handle: SharedMemoryStore;
  readonly #state: Shared;

  constructor(handle: SharedMemoryStore, state: Shared) {
    this.#handle = handle;
    this.#state = state;
  }

  insert(record: ApprovalRecord): Awaitable<boolean> {
    return this.#do('insert', (store) => this.#told(record, store.insert(record)));
  }

  get(decisionId: string): Awaitable<ApprovalRecord | undefined> {
    return this.#do('get', (store) => store.get(decisionId));
  }

  replace(record: ApprovalRecord, version: number): Awaitable<boolean> {
    return this.#do('replace', (store) => {
      const replaced = this.#told(record, store.replace(record, version));
      const task = this.#state.tasks.get(this.#state.byDecision.get(record.decisionId) ?? '');
      if (replaced && record.status !== 'pending' && task?.decisionId === record.decisionId) this.#state.decided.add(task.taskId);
      return replaced;
    });
  }

  list(query: ApprovalQuery): Awaitable<readonly ApprovalRecord[]> {
    return this.#do('list', (store) => store.list(query));
  }

  countPending(agentId: string, toolName: string): Awaitable<number> {
    return this.#do('countPending', (store) => store.countPending(agentId, toolName));
  }

  listDenied(agentId: string, toolName: string, sinceMs: number): Awaitable<readonly ApprovalRecord[]> {
    return this.#do('listDenied', (store) => store.listDenied(agentId, toolName, sinceMs));
  }

  prune(endedByMs: number): Awaitable<number> {
    return this.#do('prune', (store) => store.prune(endedByMs));
  }

  #told(record: ApprovalRecord, done: boolean): boolean {
    if (done) this.#handle.tell({ kind: 'approval', decisionId: record.decisionId, version: record.version });
    return done;
  }

  #do<T>(name: string, work: (store: MemoryApprovalStore) => T): Awaitable<T> {
    return this.#handle.faults.around(`approvals.${name}`, () => work(this.#state.approvals));
  }
}
