import { callSafely } from '../../common/awaitable.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { PendingTask, Task, TaskStatus, UnknownTask } from '../../model/Task.js';
import { isFinished, TASK_STATUSES } from '../../model/Task.js';
import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { TaskChange, TaskQuery, TaskSummary } from '../../store/TaskStore.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { ManualDeadlines } from './ManualDeadlines.js';
import type { NewTask, UnknownResolution } from './manualTask.js';
import { TaskRecorder } from './TaskRecorder.js';
import type { TaskStats } from './TaskRecorder.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { ClearAge } from './checkedQuery.js';

export type { ClearAge } from './checkedQuery.js';
export type { NewTask, UnknownResolution } from './manualTask.js';
export type { TaskEvents, TaskTransition, WaitingForWorker } from './TaskEvents.js';
export type { TaskRegistryOptions, TaskStats } from './TaskRecorder.js';

/** What is needed where the program or a person ends a task. */
const manual = new LazyPart(() => import('./manualTask.js'));
/** What is needed where the program asks for tasks, or says something of one. */
const checks = new LazyPart(() => import('./checkedQuery.js'));

const NO_TASK = 'No task has this id; it may have been deleted.';

/**
 * Every approval of this module, by task, with an event for each change. A change is recorded first and emitted afterwards; a listener that
 * throws changes nothing. `unknown` tasks are never evicted or cleared. With a durable store, changes that other processes make are emitted too.
 */
export class TaskRegistry extends TaskRecorder {
  #withdraw: ((task: Pick<Task, 'decisionId' | 'offers'>) => unknown) | undefined;
  #retry: ((task: Task) => Promise<() => Promise<void>>) | undefined;
  /** Those of manual tasks. No call waits for them, and a durable store finds what is over by itself. */
  #deadlines: ManualDeadlines | undefined;
  #closed = false;

  /**
   * Makes a manual task, for something that the program itself does or follows. It has no method: the program ends it with {@link updateStatus}, as
   * `completed` or otherwise, and it times out like any other task. A task that runs a method comes from a guarded call.
   *
   * @throws TaskStateError where a task has this taskId or decisionId already
   * @throws CapacityError beyond `maxPending`
   */
  async createTask(task: NewTask): Promise<PendingTask> {
    const checked = checkedOptions('createTask()', task, (await checks.get()).NEW_TASK);
    const { ManualDeadlines, manualTask, manualTimeout } = await manual.get();
    const made = manualTask(checked, this.clock.now());
    const { outcome } = await this.record(made);
    if (outcome !== 'created')
      throw new TaskStateError(made.taskId, 'A task with this taskId or decisionId already exists. Give the new task ids of its own.');
    if (this.durable || this.#closed) return made;
    this.#deadlines ??= new ManualDeadlines(this.clock, (over) => this.#manualChange(over, ['pending'], manualTimeout()));
    this.#deadlines.add(made);
    return made;
  }

  /**
   * Changes a task's status along a legal edge; never to `approved` or `executing`, which only a decision and a claim lead to. Only a manual task can be
   * completed while it is pending: the end of any other one comes from its method.
   *
   * @throws TaskStateError for anything else
   */
  async updateStatus(taskId: string, status: TaskStatus, outcome: { result?: unknown; reason?: string } = {}): Promise<Task> {
    const { result, reason } = checkedOptions('updateStatus()', outcome, { result: 'any', reason: 'string' });
    const { manualChange, whyNotSet } = await manual.get();
    const task = await this.store.get(taskId);
    if (task === undefined) throw new TaskStateError(taskId, NO_TASK);
    const change = task.status === 'executing' ? undefined : manualChange(task, status, reason, result);
    if (change === undefined) throw new TaskStateError(taskId, whyNotSet(task, status));
    const changed = await this.#manualChange(task, [task.status], change);
    if (changed === undefined)
      throw new TaskStateError(taskId, 'The task was changed in the meantime, so its status was not set. Read it again.');
    return changed;
  }

  /** One task, or `undefined`. */
  async getTask(taskId: string): Promise<Task | undefined> {
    return this.store.get(taskId);
  }

  /** Tasks that match, oldest first, 1,000 at most unless `limit` says otherwise. */
  async listTasks<S extends TaskStatus = TaskStatus>(
    query: TaskQuery & { readonly status?: S | readonly S[] | undefined } = {},
  ): Promise<readonly Extract<Task, { readonly status: S }>[]> {
    const checked = (await checks.get()).checkedQuery('listTasks()', query);
    await this.prune();
    return this.store.list(checked) as Promise<readonly Extract<Task, { readonly status: S }>[]>;
  }

  /**
   * The same without params and results, which are not even read: for lists that people look at. For the next page, pass the `cursor` of the last one as
   * `after`.
   *
   * @returns at most `limit` summaries, 100 by default
   */
  async listSummaries(query: TaskQuery = {}): Promise<readonly TaskSummary[]> {
    const checked = (await checks.get()).checkedQuery('listSummaries()', query);
    await this.prune();
    return this.store.listSummaries({ ...checked, limit: checked.limit ?? 100 });
  }

  /** Deletes a task; a pending one is cancelled first. Refuses one that is executing or unknown. Resolves to whether there was one. */
  async deleteTask(taskId: string): Promise<boolean> {
    const task = await this.store.get(taskId);
    if (task === undefined) return false;
    if (task.status === 'pending' || task.status === 'approved')
      await this.#manualChange(task, ['pending', 'approved'], (await manual.get()).manualCancellation('deleted'));
    const now = await this.store.get(taskId);
    // cancelling it may have pushed it out of the finished ones that are kept
    if (now === undefined) return true;
    if (!isFinished(now.status)) {
      const first = now.status === 'unknown' ? 'settle it with resolveUnknown() first' : 'wait until it has ended';
      throw new TaskStateError(taskId, `A task that is ${now.status} cannot be deleted; ${first}.`);
    }
    return this.store.delete(taskId, [now.status]);
  }

  /**
   * Deletes finished tasks: all of them, or those that finished longer ago than the given age.
   *
   * @param age `maxAgeMs` in milliseconds, or `maxAgeSeconds` as in the Python SDK; `maxAgeMs` wins where both are given. Default 0: all
   * @returns how many were deleted
   */
  async clearCompleted(age: ClearAge = {}): Promise<number> {
    const { CLEAR_AGE } = await checks.get();
    const { maxAgeSeconds = 0, maxAgeMs = maxAgeSeconds * 1_000 } = checkedOptions('clearCompleted()', age, CLEAR_AGE);
    const finishedBeforeMs = maxAgeMs > 0 ? this.clock.now() - maxAgeMs : Infinity;
    return this.store.prune({ keep: Infinity, finishedBeforeMs });
  }

  /** Cancels what is pending and deletes everything but what is executing or unknown. Resolves to how many were deleted. */
  async clearAll(): Promise<number> {
    for (;;) {
      const open = await this.store.listSummaries({ status: ['pending', 'approved'] });
      if (open.length === 0) return this.clearCompleted();
      const { manualCancellation } = await manual.get();
      for (const task of open) await this.#manualChange(task, ['pending', 'approved'], manualCancellation('cleared'));
    }
  }

  /** Counts the tasks by status. */
  async getStats(): Promise<TaskStats> {
    await this.prune();
    const counts = await this.store.counts();
    return { ...counts, total: TASK_STATUSES.reduce((sum, status) => sum + counts[status], 0) };
  }

  /**
   * Settles a task whose outcome is unknown, on a person's word. `done` completes it without a result, `abandon` fails it, and `retry` fails it and
   * calls it again as a new task with `retryOf`; that call is decided anew and may need a new approval.
   *
   * @throws TaskStateError where the task is not `unknown`, or for `retry` while its executor lives or this process has no guard and instance for it
   */
  async resolveUnknown(taskId: string, given: UnknownResolution): Promise<Task> {
    const resolution = checkedOptions('resolveUnknown()', given, (await checks.get()).RESOLUTION);
    const task = await this.store.get(taskId);
    if (task?.status !== 'unknown')
      throw new TaskStateError(taskId, task === undefined ? NO_TASK : `Only an unknown task can be resolved; this one is ${task.status}.`);
    const { resolutionChange } = await manual.get();
    const change = resolutionChange(taskId, resolution, this.clock.now());
    const again = resolution.outcome === 'retry' ? await this.#toRetry(task, resolution) : undefined;
    const resolved = await this.transition(taskId, ['unknown'], change);
    if (resolved === undefined)
      throw new TaskStateError(taskId, 'Another person resolved it first, and that resolution stands. Read the task to see it.');
    await again?.();
    return resolved;
  }

  /** Withdraws the approval at the service, too: nothing would come of a yes that a person gives afterwards. */
  async #manualChange(task: Pick<Task, 'taskId' | 'status'>, from: readonly TaskStatus[], change: TaskChange): Promise<Task | undefined> {
    const changed = await this.transition(task.taskId, from, change);
    if (changed === undefined) return undefined;
    this.#deadlines?.remove(changed.taskId);
    if (task.status === 'unknown' || changed.status === 'completed') return changed;
    const failed = (error: unknown): void => publishCallbackError('notifying the decision service (withdraw)', error);
    callSafely(() => this.#withdraw?.(changed), [], failed);
    return changed;
  }

  async #toRetry(task: UnknownTask, { confirmExecutorDead }: UnknownResolution): Promise<() => Promise<void>> {
    const { taskId, executorId } = task;
    const lives =
      executorId !== undefined && (executorId === this.store.ownerId || (await this.store.isLive(executorId, this.clock.now())));
    if (lives && confirmExecutorDead !== true)
      throw new TaskStateError(
        taskId,
        `Its executor '${executorId}' is alive and may still be running it. If you have made sure that it is not, pass confirmExecutorDead: true.`,
      );
    if (this.#retry === undefined)
      throw new TaskStateError(
        taskId,
        'This registry has no module that can call it again; use `aegis.tasks` of the module that guards it.',
      );
    return this.#retry(task);
  }

  /** @internal */
  override async closeStore(): Promise<void> {
    this.#closed = true;
    this.#deadlines?.stop();
    await super.closeStore();
  }

  /** @internal How an approval is withdrawn at the service. */
  withdrawWith(withdraw: (task: Pick<Task, 'decisionId' | 'offers'>) => unknown): void {
    this.#withdraw = withdraw;
  }

  /** @internal Finds out how an unknown task is called again, before anything is settled. */
  retryWith(retry: (task: Task) => Promise<() => Promise<void>>): void {
    this.#retry = retry;
  }
}
