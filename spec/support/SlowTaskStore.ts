import type { Awaitable } from '../../lib/common/awaitable.js';
import type { ExecutingTask, PendingTask, Task, TaskStatus } from '../../lib/model/Task.js';
import { MemoryTaskStore } from '../../lib/store/memory/MemoryTaskStore.js';
import type {
  DueQuery,
  DuplicateCallQuery,
  SweptTasks,
  TaskChange,
  TaskClaim,
  TaskInsertion,
  TaskOutcome,
  TaskQuery,
  TaskStore,
  TaskSummary,
} from '../../lib/store/TaskStore.js';

/** A memory store whose every answer comes some promises later, as a database's does; what it does, it does in the middle. */
export class SlowTaskStore implements TaskStore {
  durable = false;
  readonly #store = new MemoryTaskStore();
  readonly ownerId: string = this.#store.ownerId;

  /** Every operation goes through here. */
  protected async slowly<T>(_name: string, work: () => Awaitable<T>): Promise<T> {
    await Promise.resolve();
    const result = await work();
    await Promise.resolve();
    return result;
  }

  insert(task: PendingTask): Promise<TaskInsertion> {
    return this.slowly('insert', () => this.#store.insert(task));
  }

  get(taskId: string): Promise<Task | undefined> {
    return this.slowly('get', () => this.#store.get(taskId));
  }

  ofDecision(decisionId: string): Promise<Task | undefined> {
    return this.slowly('ofDecision', () => this.#store.ofDecision(decisionId));
  }

  findOpen(query: DuplicateCallQuery): Promise<Task | undefined> {
    return this.slowly('findOpen', () => this.#store.findOpen(query));
  }

  list(query: TaskQuery): Promise<readonly Task[]> {
    return this.slowly('list', () => this.#store.list(query));
  }

  listSummaries(query: TaskQuery): Promise<readonly TaskSummary[]> {
    return this.slowly('listSummaries', () => this.#store.listSummaries(query));
  }

  transition(taskId: string, from: readonly TaskStatus[], change: TaskChange, nowMs: number): Promise<Task | undefined> {
    return this.slowly('transition', () => this.#store.transition(taskId, from, change, nowMs));
  }

  claim(claim: TaskClaim): Promise<ExecutingTask | undefined> {
    return this.slowly('claim', () => this.#store.claim(claim));
  }

  release(taskId: string, token: string, nowMs: number): Promise<Task | undefined> {
    return this.slowly('release', () => this.#store.release(taskId, token, nowMs));
  }

  settle(taskId: string, token: string, outcome: TaskOutcome, nowMs: number): Promise<Task | undefined> {
    return this.slowly('settle', () => this.#store.settle(taskId, token, outcome, nowMs));
  }

  countAttempt(taskId: string): Promise<Task | undefined> {
    return this.slowly('countAttempt', () => this.#store.countAttempt(taskId));
  }

  delete(taskId: string, from: readonly TaskStatus[]): Promise<boolean> {
    return this.slowly('delete', () => this.#store.delete(taskId, from));
  }

  prune(limits: { readonly keep: number; readonly finishedBeforeMs: number }): Promise<number> {
    return this.slowly('prune', () => this.#store.prune(limits));
  }

  counts(): Promise<Readonly<Record<TaskStatus, number>>> {
    return this.slowly('counts', () => this.#store.counts());
  }

  heartbeat(leaseMs: number, nowMs: number): Promise<number> {
    return this.slowly('heartbeat', () => this.#store.heartbeat(leaseMs, nowMs));
  }

  isLive(owner: string, nowMs: number): Promise<boolean> {
    return this.slowly('isLive', () => this.#store.isLive(owner, nowMs));
  }

  sweep(options: { readonly nowMs: number; readonly maxRuns: number; readonly limit: number }): Promise<SweptTasks> {
    return this.slowly('sweep', () => this.#store.sweep(options));
  }

  makeDue(): Promise<void> {
    return this.slowly('makeDue', () => this.#store.makeDue());
  }

  due(query: DueQuery): Promise<readonly Task[]> {
    return this.slowly('due', () => this.#store.due(query));
  }

  watch(): Promise<() => Awaitable<void>> {
    return this.slowly('watch', () => this.#store.watch());
  }
}
