import { attempt, chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { callSafely } from '../common/callSafely.js';
import { SteadyClock } from '../common/SteadyClock.js';
import { publishCallbackError } from '../model/diagnostics.js';
import { CapacityError } from '../model/errors/CallErrors.js';
import { TaskStateError } from '../model/errors/SetupErrors.js';
import { SafeEmitter } from '../model/SafeEmitter.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../model/Task.js';
import { isFinished, TASK_STATUSES } from '../model/Task.js';
import type { TaskChange, TaskClaim, TaskInsertion, TaskOutcome, TaskQuery, TaskStore } from '../store/TaskStore.js';
import { changeByHand, cancelledByHand } from './changeByHand.js';
import { taskByHand } from './taskByHand.js';
import type { NewTask } from './taskByHand.js';
import type { TaskEvents, TaskTransition } from './TaskEvents.js';
import { registryLimits } from './TaskRegistryOptions.js';
import type { TaskRegistryOptions, TaskStats } from './TaskRegistryOptions.js';

export type { NewTask } from './taskByHand.js';
export type { TaskEvents, TaskTransition } from './TaskEvents.js';
export type { TaskRegistryOptions, TaskStats } from './TaskRegistryOptions.js';

const PRUNE_EVERY = 64;

/**
 * Every approval of this module, by task, with an event for each change. A change is recorded first and told afterwards; a listener that
 * throws changes nothing. `unknown` tasks are never evicted or cleared.
 */
export class TaskRegistry extends SafeEmitter<TaskEvents> {
  readonly #store: TaskStore;
  readonly #limits: ReturnType<typeof registryLimits>;
  readonly #clock: SteadyClock;
  #observer: ((change: TaskTransition) => void) | undefined;
  #open = 0;
  #sincePrune = 0;

  /** @param clock shared with what works on the same approvals, so that all of them end at the same moment */
  constructor(store: TaskStore, options: TaskRegistryOptions = {}, clock: SteadyClock = new SteadyClock()) {
    super();
    this.#clock = clock;
    this.#store = store;
    this.#limits = registryLimits(options);
  }

  /** Whether tasks outlive the process. */
  get durable(): boolean {
    return this.#store.durable;
  }

  /** Makes a task by hand. It has no runner: its status is the program's to change. */
  async createTask(task: NewTask): Promise<PendingTask> {
    const made = taskByHand(task, this.#clock.now());
    const { outcome } = await this.record(made);
    if (outcome !== 'created') throw new TaskStateError(made.taskId, 'There is a task of this taskId or decisionId already.');
    return made;
  }

  /**
   * Changes a task's status along a legal edge; never to `approved` or `executing`, which only a decision and a claim lead to.
   *
   * @throws TaskStateError for anything else
   */
  async updateStatus(taskId: string, status: TaskStatus, { result, reason }: { result?: unknown; reason?: string } = {}): Promise<Task> {
    const task = await this.#store.get(taskId);
    if (task === undefined) throw new TaskStateError(taskId, 'There is no such task.');
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
    const now = await this.#store.get(taskId);
    // cancelling it may have pushed it out of the finished ones that are kept
    if (now === undefined) return true;
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
    const failed = (error: unknown): never => {
      this.#open -= 1;
      throw error;
    };
    const inserted = (insertion: TaskInsertion): TaskInsertion => {
      if (insertion.outcome === 'created') this.#tell({ task, from: undefined });
      else this.#open -= 1;
      return insertion;
    };
    return attempt(() => this.#store.insert(task), inserted, failed);
  }

  /** @internal {@link getTask}, at once where the store answers at once. */
  find(taskId: string): Awaitable<Task | undefined> {
    return this.#store.get(taskId);
  }

  /** @internal */
  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange): Awaitable<Task | undefined> {
    return this.#change(taskId, () => this.#store.transition(taskId, from, change, this.#clock.now()));
  }

  /** @internal */
  claim(claim: TaskClaim): Awaitable<ExecutingTask | undefined> {
    return chain(this.#store.claim(claim), (task) => {
      if (task !== undefined) this.#tell({ task, from: 'approved' });
      return task;
    });
  }

  /** @internal */
  settle(taskId: string, token: string, outcome: TaskOutcome): Awaitable<Task | undefined> {
    return this.#change(taskId, () => this.#store.settle(taskId, token, outcome, this.#clock.now()));
  }

  /** @internal */
  async closeStore(): Promise<void> {
    await this.#store.close?.();
  }

  /** @internal */
  countAttempt(taskId: string): Awaitable<Task | undefined> {
    return this.#store.countAttempt(taskId);
  }

  #change(taskId: string, write: () => Awaitable<Task | undefined>): Awaitable<Task | undefined> {
    return chain(this.#store.get(taskId), (before) =>
      chain(write(), (task) => {
        if (task !== undefined) this.#tell({ task, from: before?.status });
        return task;
      }),
    );
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
    if (this.#sincePrune < PRUNE_EVERY) return;
    const failed = (error: unknown): void => publishCallbackError('pruning tasks', error);
    callSafely(() => this.#prune(), [], failed);
  }

  #prune(): Awaitable<number> {
    this.#sincePrune = 0;
    return this.#store.prune({ keep: this.#limits.maxFinished, finishedBeforeMs: this.#clock.now() - this.#limits.finishedTtlMs });
  }
}
