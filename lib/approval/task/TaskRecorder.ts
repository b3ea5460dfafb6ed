import { attempt, chain, callSafely } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { LruMap } from '../../common/LruMap.js';
import { DAY_MS, SteadyClock } from '../../common/time/SteadyClock.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { CapacityError } from '../../model/errors/CallErrors.js';
import { SafeEmitter } from '../../model/SafeEmitter.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../model/Task.js';
import { isFinished } from '../../model/Task.js';
import type { Journal } from '../../model/Journal.js';
import { sizeOf } from '../../model/snapshot/sizeOf.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { StoreChange, TaskChange, TaskClaim, TaskInsertion, TaskOutcome, TaskStore } from '../../store/TaskStore.js';
import type { TaskEvents, TaskTransition } from './TaskEvents.js';
import { ByteBudget } from './ByteBudget.js';
import { PendingWrites } from './PendingWrites.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** Bounds of a task registry. */
export interface TaskRegistryOptions {
  /**
   * Unfinished tasks at most; beyond it, calls that need approval end in a CapacityError.
   *
   * @defaultValue 100,000
   */
  readonly maxPending?: number | undefined;
  /**
   * Bytes of the params, sessions and metadata of unfinished tasks that this process holds, at most; beyond it, calls that need approval end in a
   * CapacityError.
   *
   * @defaultValue 268,435,456 (256 MB)
   */
  readonly maxPendingBytes?: number | undefined;
  /**
   * The same for one agent and tool.
   *
   * @defaultValue 67,108,864 (64 MB)
   */
  readonly maxPendingBytesPerTool?: number | undefined;
  /**
   * Finished tasks kept at most.
   *
   * @defaultValue 10,000
   */
  readonly maxFinished?: number | undefined;
  /**
   * Bytes of finished tasks, results included, that are kept at most; the oldest ones go first.
   *
   * @defaultValue 67,108,864 (64 MB)
   */
  readonly maxFinishedBytes?: number | undefined;
  /**
   * How long finished tasks are kept, in milliseconds.
   *
   * @defaultValue 86,400,000 (a day)
   */
  readonly finishedTtlMs?: number | undefined;
}

const REGISTRY_OPTIONS: OptionKinds<TaskRegistryOptions> = {
  maxPending: 'count',
  maxPendingBytes: 'count',
  maxPendingBytesPerTool: 'count',
  maxFinished: 'count',
  maxFinishedBytes: 'count',
  finishedTtlMs: 'age',
};

/** How many tasks there are, by status and in all. */
export type TaskStats = Readonly<Record<TaskStatus | 'total', number>>;

const MB = 1_048_576;
const PRUNE_EVERY = 64;
/** Tasks whose last change is remembered, so that none is emitted twice. */
const MAX_REMEMBERED = 10_000;

/** The tasks of a store, whose every change is recorded first and emitted afterwards: what scheduler and guards use of the registry. */
export class TaskRecorder extends SafeEmitter<TaskEvents> {
  /** @internal */
  readonly store: TaskStore;
  readonly #limits: Record<'maxPending' | 'maxFinished' | 'maxFinishedBytes' | 'finishedTtlMs', number>;
  readonly #budget: ByteBudget;
  /** @internal */
  readonly clock: SteadyClock;
  /** The newest version emitted of each task, where other processes change tasks too. */
  readonly #lastEmitted: LruMap<string, number> | undefined;
  #observer: ((change: TaskTransition) => void) | undefined;
  #onRunEnded: ((task: Task) => void) | undefined;
  #journal: Journal | undefined;
  readonly #pendingWrites: PendingWrites = new PendingWrites(this);
  #open = 0;
  #sincePrune = 0;

  /** @param clock shared with everything that works on the same approvals, so that all of them end at the same moment */
  constructor(store: TaskStore, options: TaskRegistryOptions = {}, clock: SteadyClock = new SteadyClock()) {
    super();
    this.clock = clock;
    this.store = store;
    const checked = checkedOptions('TaskRegistry', options, REGISTRY_OPTIONS);
    const { maxPending = 100_000, maxFinished = 10_000, maxFinishedBytes = 64 * MB, finishedTtlMs = DAY_MS } = checked;
    const { maxPendingBytes = 256 * MB, maxPendingBytesPerTool = 64 * MB } = checked;
    this.#limits = { maxPending, maxFinished, maxFinishedBytes, finishedTtlMs };
    this.#budget = new ByteBudget({ maxPendingBytes, maxPendingBytesPerTool }, store.durable);
    this.#lastEmitted = store.durable ? new LruMap(MAX_REMEMBERED) : undefined;
  }

  /** Whether tasks outlive the process. */
  get durable(): boolean {
    return this.store.durable;
  }

  /** @internal Gets every change before listeners do: the scheduler's. */
  observe(observer: (change: TaskTransition) => void): void {
    this.#observer = observer;
  }

  /** @internal Gets an event for each task that this process makes or changes. */
  noteTo(journal: Journal | undefined): void {
    this.#journal = journal;
  }

  /** @internal Gets every task whose run ended, or became unknown, as this process recorded it; one that was unknown may come again. */
  onRunEnded(report: (task: Task) => void): void {
    this.#onRunEnded = report;
  }

  /** @internal Records a new task. @throws CapacityError */
  record(task: PendingTask): Awaitable<TaskInsertion> {
    const { maxPending } = this.#limits;
    if (this.#open >= maxPending) {
      const message = `No other approval can be recorded: ${this.#open} are pending, and at most ${maxPending} are allowed. Decide or cancel some, or raise tasks.maxPending.`;
      throw new CapacityError(maxPending, message);
    }
    this.#budget.take(task);
    this.#open += 1;
    const failed = (error: unknown): never => {
      this.#budget.giveBack(task);
      this.#open -= 1;
      throw error;
    };
    const inserted = (insertion: TaskInsertion): TaskInsertion => {
      if (insertion.outcome === 'created') {
        this.#journal?.note({ kind: 'task', task: insertion.task, from: undefined });
        this.#emitChange({ task: insertion.task, from: undefined });
      } else {
        this.#budget.giveBack(task);
        this.#open -= 1;
      }
      return insertion;
    };
    return attempt(() => this.store.insert(task), inserted, failed);
  }

  /** @internal {@link getTask}, at once where the store answers at once. */
  find(taskId: string): Awaitable<Task | undefined> {
    return this.store.get(taskId);
  }

  /** @internal */
  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange): Awaitable<Task | undefined> {
    const write = (): Awaitable<Task | undefined> => this.store.transition(taskId, from, change, this.clock.now());
    if (from.length === 1) return this.#changed(write(), from[0]);
    return this.#change(taskId, write);
  }

  /** @internal */
  claim(claim: TaskClaim): Awaitable<ExecutingTask | undefined> {
    return this.#changed(this.store.claim(claim), 'approved');
  }

  /** @internal Records an outcome once the store takes it again, where it is one that outlives the process. */
  settleLater(taskId: string, token: string, outcome: TaskOutcome): void {
    if (this.durable) this.#pendingWrites.add(taskId, token, outcome);
  }

  /** @internal Gives a claim back once the store takes it again. */
  releaseLater(taskId: string, token: string): void {
    this.#pendingWrites.add(taskId, token, undefined);
  }

  /** @internal Records what could not be recorded before. Rejects where a part of it fails again. */
  flushPendingWrites(): Promise<void> {
    return this.#pendingWrites.flush();
  }

  /** @internal Gives a claim back whose execution has not begun. */
  release(taskId: string, token: string): Awaitable<Task | undefined> {
    return this.#changed(this.store.release(taskId, token, this.clock.now()), 'executing');
  }

  /** @internal Renews the claims of this process, and keeps it alive for as long. */
  renewClaims(leaseMs: number): Awaitable<void> {
    return chain(this.store.heartbeat(leaseMs, this.clock.now()), (latestMs) => this.clock.notBefore(latestMs));
  }

  /** @internal Counts what a store has already, once it is open. */
  async countOpen(): Promise<void> {
    const counts = await this.store.counts();
    this.#open = counts.pending + counts.approved + counts.executing + counts.unknown;
  }

  /** @internal Emits what a sweep of the store has changed. */
  emitSwept(tasks: readonly Task[]): void {
    for (const task of tasks) this.#recorded({ task, from: 'executing' });
  }

  /** @internal Emits what another process has changed. */
  async onChange(change: Extract<StoreChange, { kind: 'task' }>): Promise<void> {
    const { taskId, version, from } = change;
    if ((this.#lastEmitted?.get(taskId) ?? 0) >= version) return;
    const task = await this.store.get(taskId);
    if (task === undefined || (this.#lastEmitted?.get(taskId) ?? 0) >= task.version) return;
    if (from === undefined) this.#open += 1;
    this.#emitChange({ task, from });
  }

  /** @internal */
  settle(taskId: string, token: string, outcome: TaskOutcome): Awaitable<Task | undefined> {
    return this.#change(taskId, () => this.store.settle(taskId, token, outcome, this.clock.now()));
  }

  /** @internal */
  async closeStore(): Promise<void> {
    await this.store.close?.();
  }

  /** @internal */
  countAttempt(taskId: string): Awaitable<Task | undefined> {
    return this.store.countAttempt(taskId);
  }

  #change(taskId: string, write: () => Awaitable<Task | undefined>): Awaitable<Task | undefined> {
    return chain(this.store.get(taskId), (before) => this.#changed(write(), before?.status));
  }

  #changed<T extends Task>(written: Awaitable<T | undefined>, from: TaskStatus | undefined): Awaitable<T | undefined> {
    return chain(written, (task) => {
      if (task !== undefined) this.#recorded({ task, from });
      return task;
    });
  }

  #recorded(change: TaskTransition): void {
    this.#journal?.note({ kind: 'task', task: change.task, from: change.from });
    this.#emitChange(change);
    if (change.from === 'executing' || change.from === 'unknown') this.#onRunEnded?.(change.task);
  }

  #emitChange(change: TaskTransition): void {
    const { task, from } = change;
    // the store's answer came after another party's next change: what is newer stands
    if (from !== undefined && (this.#lastEmitted?.get(task.taskId) ?? 0) >= task.version) return;
    this.#lastEmitted?.set(task.taskId, Math.max(task.version, this.#lastEmitted.get(task.taskId) ?? 0));
    if (isFinished(task.status)) {
      this.#budget.giveBack(task);
      this.#open -= 1;
      // large results fill what is kept sooner
      const bytes = task.status === 'completed' ? sizeOf(task.result) : 0;
      this.#sincePrune += Math.max(1, (PRUNE_EVERY * 8 * bytes) / this.#limits.maxFinishedBytes);
    }
    this.#observer?.(change);
    // copies where it has Dates: a listener could set them
    if (this.listenerCount(task.status) > 0) this.emit(task.status, frozenData(task));
    if (this.listenerCount('transition') > 0) this.emit('transition', Object.freeze({ task: frozenData(task), from }));
    if (this.#sincePrune < PRUNE_EVERY) return;
    const failed = (error: unknown): void => publishCallbackError('pruning tasks', error);
    callSafely(() => this.prune(), [], failed);
  }

  /** @internal */
  prune(): Awaitable<number> {
    this.#sincePrune = 0;
    const { maxFinished: keep, maxFinishedBytes: keepBytes, finishedTtlMs } = this.#limits;
    return this.store.prune({ keep, keepBytes, finishedBeforeMs: this.clock.now() - finishedTtlMs });
  }
}
