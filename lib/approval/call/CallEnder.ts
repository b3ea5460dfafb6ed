import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { Task } from '../../model/Task.js';
import { isFinished } from '../../model/Task.js';
import type { HandleOutcome } from './approvalHandle.js';
import { deniedAtRun, errorOfTask } from './endings.js';
import type { Resolution } from './endings.js';
import type { CallIndex } from './CallIndex.js';
import type { PendingCall } from './PendingCall.js';
import type { TaskRegistry } from '../task/TaskRegistry.js';

/** Ends open calls: always through a change of their task, which decides who was first, and only then for whoever waits. */
export class CallEnder {
  readonly #decisions: DecisionService;
  readonly #registry: TaskRegistry;
  readonly #calls: CallIndex;
  readonly #ended: (entry: PendingCall) => void;

  /** @param ended told of each call that is open no more, before its waiters are */
  constructor(decisions: DecisionService, registry: TaskRegistry, calls: CallIndex, ended: (entry: PendingCall) => void) {
    this.#decisions = decisions;
    this.#registry = registry;
    this.#calls = calls;
    this.#ended = ended;
  }

  /** Resolves to whether this ended it; somebody else may have been first. */
  tryEnd(entry: PendingCall, { change, error }: Resolution): Awaitable<boolean> {
    const { taskId } = entry.task;
    if ('error' in change) entry.noteError(change.to, change.error, error);
    return chain(this.#registry.transition(taskId, ['pending', 'approved'], change), (task) => {
      if (task !== undefined) return true;
      const token = entry.claimToken;
      if (token === undefined) return chain(this.#look(entry), () => false);
      // what runs ends by itself; a claim that was made, but whose answer was lost, is given back first
      if (entry.phase === 'busy') return false;
      entry.claimToken = undefined;
      return chain(this.#registry.release(taskId, token), () => this.tryEnd(entry, { change, error }));
    });
  }

  /** Records that a person said yes. Another process may have been first, or this one, to which the store's answer was lost: then what it has counts. */
  approve(entry: PendingCall, approvedBy: string | undefined): Awaitable<void> {
    const approved = this.#registry.transition(entry.task.taskId, ['pending'], { to: 'approved', approvedBy });
    return chain(approved, (task) => (task === undefined ? this.#look(entry) : undefined));
  }

  /** This process need not have seen who was first. */
  #look(entry: PendingCall): Awaitable<void> {
    if (entry.phase === 'ended') return;
    const { taskId } = entry.task;
    return chain(this.#registry.find(taskId), (now) => {
      if (now === undefined) this.drop(entry, new TaskStateError(taskId, 'The task was deleted.'));
      else this.observe(now);
    });
  }

  /** {@link tryEnd}, and tells the service that nobody waits any more. */
  async tryEndAndTell(entry: PendingCall, ending: Resolution, tell: 'withdraw' | 'expire'): Promise<boolean> {
    const { decisionId } = entry.task;
    if (!(await this.tryEnd(entry, ending))) return false;
    attempt<void, void>(
      () => this.#decisions[tell]?.(decisionId),
      () => undefined,
      (error) => publishCallbackError(`telling the decision service (${tell})`, error),
    );
    return true;
  }

  /** Ends one whose execution could not go on before it ran, such as when its store failed. It never runs, whatever can be recorded. */
  abandon(entry: PendingCall, failure: unknown): Awaitable<void> {
    publishCallbackError('running an approved call', failure);
    const ending = deniedAtRun(entry.task, 'not_recorded', 'its state could not be recorded.');
    return attempt<boolean, void>(
      () => this.tryEnd(entry, ending),
      () => this.drop(entry, ending.error),
      () => this.drop(entry, ending.error),
    );
  }

  /** Every change of a task, whoever made it, lands here before listeners hear of it. */
  observe(task: Task): void {
    const entry = this.#calls.ofTask(task.taskId);
    if (entry === undefined) return;
    this.#calls.update(entry, task);
    if (!isFinished(task.status) && task.status !== 'unknown') return;
    this.#forget(entry);
    if (task.status === 'completed') entry.end({ ok: true, value: entry.result === undefined ? task.result : entry.result.value });
    else entry.end({ ok: false, error: (entry.errorNoted(task) ?? { error: errorOfTask(task) }).error });
  }

  /** Ends it for its waiters, whatever becomes of its task. */
  drop(entry: PendingCall, error: Error): void {
    this.finish(entry, { ok: false, error });
  }

  /** Ends it for its waiters with what happened, even where that could not be recorded. */
  finish(entry: PendingCall, outcome: HandleOutcome<unknown>): void {
    this.#forget(entry);
    entry.end(outcome);
  }

  #forget(entry: PendingCall): void {
    if (this.#calls.ofTask(entry.task.taskId) !== entry) return;
    this.#calls.remove(entry);
    this.#ended(entry);
  }
}
