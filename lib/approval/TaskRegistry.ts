import { chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { nextId } from '../common/ids.js';
import { SteadyClock } from '../common/SteadyClock.js';
import { changeByHand, cancelledByHand } from './changeByHand.js';
import { CapacityError } from '../model/errors/CallErrors.js';
import { TaskStateError } from '../model/errors/SetupErrors.js';
import { SafeEmitter } from '../model/SafeEmitter.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../model/Task.js';
import { isFinished, TASK_STATUSES } from '../model/Task.js';
import type { TaskChange, TaskClaim, TaskInsertion, TaskOutcome, TaskQuery, TaskStore } from '../store/TaskStore.js';

/** One change of a task's status. */
export interface TaskTransition {
  readonly task: Task;
  /** `undefined` when the task was made. */
  readonly from: TaskStatus | undefined;
}

/** An event for each status a task can enter, with the task, and `transition` for all of them. */
export type TaskEvents = { [S in TaskStatus]: [task: Extract<Task, { status: S }>] } & { transition: [change: TaskTransition] };

export interface TaskRegistryOptions {
  /** Unfinished tasks at most; beyond it, calls that need approval end in a CapacityError. Default 100,000. */
  readonly maxPending?: number | undefined;
  /** Finished tasks kept at most. Default 10,000. */
  readonly maxFinished?: number | undefined;
  /** How long finished tasks are kept, in milliseconds. Default 86,400,000 (a day). */
  readonly finishedTtlMs?: number | undefined;
}

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

/** How many tasks there are, by status and in all. */
export type TaskStats = Readonly<Record<TaskStatus | 'total', number>>;

const PRUNE_EVERY = 64;
const DAY_MS = 86_400_000;

/**
 * Every approval of this module, by task, with an event for each change. A change is recorded first and told afterwards; a listener that
 * throws changes nothing. `unknown` tasks are never evicted or cleared.
 */
export class TaskRegistry extends SafeEmitter<TaskEvents> {
  readonly #store: TaskStore;
  readonly #limits: Required<{ [K in keyof TaskRegistryOptions]: number }>;
  readonly #clock = new SteadyClock();
  #observer: ((change: TaskTransition) => void) | undefined;
  #open = 0;
  #sincePrune = 0;

  constructor(store: TaskStore, { maxPending, maxFinished, finishedTtlMs }: TaskRegistryOptions = {}) {
    super();
    this.#store = store;
    this.#limits = { maxPending: maxPending ?? 100_000, maxFinished: maxFinished ?? 10_000, finishedTtlMs: finishedTtlMs ?? DAY_MS };
  }

  /** Whether tasks outlive the process. */
  get durable(): boolean {
    return this.#store.durable;
  }

  /** Makes a task by hand. It has no runner: its status is the program's to change. */
  async createTask({ agentId, toolName, decisionId, taskId, metadata, timeoutMs = DAY_MS }: NewTask): Promise<PendingTask> {
    const nowMs = this.#clock.now();
    const task: PendingTask = {
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
      version: 1,
      metadata: metadata ?? {},
      history: [],
      retryOf: undefined,
    };
    const { outcome } = await this.record(task);
    if (outcome !== 'created') throw new TaskStateError(task.taskId, 'There is a task of this taskId or decisionId already.');
    return task;
  }

  /**
   * Changes a task's status along a legal edge; never to `approved` or `executing`, which only a decision and a claim lead to.
   *
   * @throws TaskStateError for anything else
   */
  async updateStatus(taskId: string, status: TaskStatus, { result, reason }: { result?: unknown; reason?: string } = {}): Promise<Task> {
    const task = await this.#existing(taskId);
    const change = task.status === 'executing' ? undefined : changeByHand(task.status, status, reason, result);
    const changed = change && (await this.transition(taskId, [task.status], change));
    if (changed === undefined) throw new TaskStateError(taskId, `A task that is ${task.status} cannot be made ${status} by hand.`);
    return changed;
  }

  /** One task, or `undefined`. */
  async getTask(taskId: string): Promise<Task | undefined> {
    return this.#store.get(taskId);
  }

  /** Tasks that match, oldest first, 1,000 at most unless `limit` says otherwise. */
  async listTasks(query: TaskQuery = {}): Promise<readonly Task[]> {
    await this.#prune();
    return this.#store.list(query);
  }

  /** Deletes a task; a pending one is cancelled first. Refuses one that is executing or unknown. Resolves to whether there was one. */
  async deleteTask(taskId: string): Promise<boolean> {
    const task = await this.#store.get(taskId);
    if (task === undefined) return false;
    if (task.status === 'pending' || task.status === 'approved')
      await this.transition(taskId, ['pending', 'approved'], cancelledByHand('deleted'));
    const now = await this.#existing(taskId);
    if (!isFinished(now.status)) throw new TaskStateError(taskId, `A task that is ${now.status} cannot be deleted.`);
    return this.#store.delete(taskId, [now.status]);
  }

  /** Deletes finished tasks, or those that finished more than `maxAgeSeconds` ago. Resolves to how many. */
  async clearCompleted({ maxAgeSeconds = 0 }: { readonly maxAgeSeconds?: number } = {}): Promise<number> {
    const finishedBeforeMs = maxAgeSeconds > 0 ? this.#clock.now() - maxAgeSeconds * 1_000 : Infinity;
    return this.#store.prune({ keep: Infinity, finishedBeforeMs });
  }

  /** Cancels what is pending and deletes everything but what is executing or unknown. Resolves to how many were deleted. */
  async clearAll(): Promise<number> {
    for (;;) {
      const open = await this.#store.list({ status: ['pending', 'approved'] });
      if (open.length === 0) return this.clearCompleted();
      for (const task of open) await this.transition(task.taskId, ['pending', 'approved'], cancelledByHand('cleared'));
    }
  }

  async getStats(): Promise<TaskStats> {
    await this.#prune();
    const counts = await this.#store.counts();
    return { ...counts, total: TASK_STATUSES.reduce((sum, status) => sum + counts[status], 0) };
  }

  /** @internal The scheduler is told of every change before listeners are. */
  observe(observer: (change: TaskTransition) => void): void {
    this.#observer = observer;
  }

  /** @internal Records a new task. @throws CapacityError */
  record(task: PendingTask): Awaitable<TaskInsertion> {
    const { maxPending } = this.#limits;
    if (this.#open >= maxPending) throw new CapacityError(maxPending, `${this.#open} approvals are pending already; this call is refused.`);
    this.#open += 1;
    return chain(this.#store.insert(task), (insertion) => {
      if (insertion.outcome === 'created') this.#tell({ task, from: undefined });
      else this.#open -= 1;
      return insertion;
    });
  }

  /** @internal */
  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange): Awaitable<Task | undefined> {
    return chain(this.#store.get(taskId), (before) =>
      chain(this.#store.transition(taskId, from, change, this.#clock.now()), (task) => this.#changed(task, before?.status)),
    );
  }

  /** @internal */
  claim(claim: TaskClaim): Awaitable<ExecutingTask | undefined> {
    return chain(this.#store.claim(claim), (task) => this.#changed(task, 'approved'));
  }

  /** @internal */
  settle(taskId: string, token: string, outcome: TaskOutcome): Awaitable<Task | undefined> {
    return chain(this.#store.settle(taskId, token, outcome, this.#clock.now()), (task) => this.#changed(task, 'executing'));
  }

  /** @internal */
  async closeStore(): Promise<void> {
    await this.#store.close?.();
  }

  /** @internal */
  countAttempt(taskId: string): Awaitable<number> {
    return this.#store.countAttempt(taskId);
  }

  async #existing(taskId: string): Promise<Task> {
    const task = await this.#store.get(taskId);
    if (task === undefined) throw new TaskStateError(taskId, 'There is no such task.');
    return task;
  }

  #changed<T extends Task>(task: T | undefined, from: TaskStatus | undefined): T | undefined {
    if (task !== undefined) this.#tell({ task, from });
    return task;
  }

  #tell(change: TaskTransition): void {
    const { task } = change;
    if (isFinished(task.status)) {
      this.#open -= 1;
      this.#sincePrune += 1;
    }
    this.#observer?.(change);
    this.emit(task.status, task);
    this.emit('transition', change);
    if (this.#sincePrune >= PRUNE_EVERY) void this.#prune();
  }

  #prune(): Awaitable<number> {
    this.#sincePrune = 0;
    return this.#store.prune({ keep: this.#limits.maxFinished, finishedBeforeMs: this.#clock.now() - this.#limits.finishedTtlMs });
  }
}
