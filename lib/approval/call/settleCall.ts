import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { TaskStateError } from '../../model/errors/SetupErrors.js';
import type { Task } from '../../model/Task.js';
import { isFinished } from '../../model/Task.js';
import type { EditedParams } from '../../store/TaskStore.js';
import type { TaskRegistry } from '../task/TaskRegistry.js';
import type { CallIndex } from './CallIndex.js';
import type { CallOutcome, PendingCall } from './PendingCall.js';
import { deniedAtRun, errorOfTask } from './resolution.js';
import type { Resolution } from './resolution.js';

/** What a call is settled with. */
export interface CallHost {
  readonly decisions: DecisionService;
  readonly registry: TaskRegistry;
  readonly calls: CallIndex;
  /** Gets each call that is open no longer, before its waiters are told. */
  onEnded(entry: PendingCall): void;
}

/** How the decision service is told of an end that it does not know of. */
export type Notify = 'withdraw' | 'expire';

/**
 * Ends an open call: always through a change of its task, which decides who was first, and only then for its waiters.
 *
 * @param notify tells the decision service, where this ended it
 * @returns whether this ended it; another party may have been first
 */
export function settleCall(host: CallHost, entry: PendingCall, resolution: Resolution, notify?: Notify): Awaitable<boolean> {
  const { change, error } = resolution;
  const asked = entry.task;
  const { taskId } = asked;
  if ('error' in change) entry.noteError(change.to, change.error, error);
  return chain(host.registry.transition(taskId, ['pending', 'approved'], change), (task) => {
    if (task !== undefined) {
      observeNewer(host, entry, task);
      if (notify !== undefined) notifyService(host, asked, notify);
      return true;
    }
    const token = entry.claimToken;
    if (token === undefined) return chain(catchUp(host, entry), () => false);
    // what runs ends by itself; a claim that was made, but whose answer was lost, is given back first
    if (entry.phase === 'busy') return false;
    entry.claimToken = undefined;
    return chain(host.registry.release(taskId, token), () => settleCall(host, entry, resolution, notify));
  });
}

/** {@link settleCall} for a task that is not a call of this process. */
export async function settleTask(
  { registry, decisions }: Pick<CallHost, 'registry' | 'decisions'>,
  { taskId, decisionId, offers }: Task,
  { change }: Resolution,
  notify?: Notify,
): Promise<void> {
  const ended = await registry.transition(taskId, ['pending', 'approved'], change);
  if (ended !== undefined && notify !== undefined) await decisions[notify]?.(decisionId, { offers });
}

/** Tells the decision service that an approval is over. What fails there changes nothing here. */
export function notifyService(
  { decisions }: Pick<CallHost, 'decisions'>,
  { decisionId, offers }: Pick<Task, 'decisionId' | 'offers'>,
  notify: Notify,
): Awaitable<void> {
  return attempt<void, void>(
    () => decisions[notify]?.(decisionId, { offers }),
    () => undefined,
    (error) => publishCallbackError(`notifying the decision service (${notify})`, error),
  );
}

/**
 * Records that a person said yes. Another process may have been first, or this one, to which the answer of the store was lost: then what the store has
 * counts.
 *
 * @param edited the params that were approved, where a person edited those that were asked about
 */
export function recordApproval(host: CallHost, entry: PendingCall, approvedBy: string | undefined, edited?: EditedParams): Awaitable<void> {
  const approved = host.registry.transition(entry.task.taskId, ['pending'], { to: 'approved', approvedBy, ...edited });
  return chain(approved, (task) => (task === undefined ? catchUp(host, entry) : observeNewer(host, entry, task)));
}

/** Reads what the store has: this process need not have seen who was first. */
function catchUp(host: CallHost, entry: PendingCall): Awaitable<void> {
  if (entry.phase === 'ended') return;
  const { taskId } = entry.task;
  return chain(host.registry.find(taskId), (now) => {
    if (now === undefined)
      dropCall(host, entry, new TaskStateError(taskId, 'The task of this call was deleted, so its outcome cannot be read.'));
    else if (host.calls.ofTask(entry.task) === entry) observeCall(host, entry, now);
  });
}

/** Ends a call whose execution could not go on before it ran, such as when its store failed. It never runs, even where that cannot be recorded. */
export function abandonCall(host: CallHost, entry: PendingCall, failure: unknown): Awaitable<void> {
  publishCallbackError('running an approved call', failure);
  const resolution = deniedAtRun(entry.task, 'not_recorded', 'its state could not be recorded.');
  const drop = (): void => dropCall(host, entry, resolution.error);
  return attempt<boolean, void>(() => settleCall(host, entry, resolution), drop, drop);
}

/** Takes over a change of a task, from this process or another one, before listeners get it. */
export function observeTask(host: CallHost, task: Task): void {
  const entry = host.calls.ofTask(task);
  if (entry !== undefined) observeCall(host, entry, task);
}

/** What this call has changed was observed where it was recorded, unless a store that was tampered with has given it another digest. */
function observeNewer(host: CallHost, entry: PendingCall, task: Task): void {
  if (entry.phase !== 'ended' && task.version > entry.task.version) observeCall(host, entry, task);
}

function observeCall(host: CallHost, entry: PendingCall, task: Task): void {
  host.calls.update(entry, task);
  if (!isFinished(task.status) && task.status !== 'unknown') return;
  forget(host, entry);
  if (task.status === 'completed') entry.end({ ok: true, value: entry.result === undefined ? task.result : entry.result.value });
  else entry.end({ ok: false, error: (entry.errorNoted(task) ?? { error: errorOfTask(task) }).error });
}

/** Ends a call for its waiters, independently of its task. */
export function dropCall(host: CallHost, entry: PendingCall, error: Error): void {
  finishCall(host, entry, { ok: false, error });
}

/** Ends a call for its waiters with what happened, even where that could not be recorded. */
export function finishCall(host: CallHost, entry: PendingCall, outcome: CallOutcome<unknown>): void {
  forget(host, entry);
  entry.end(outcome);
}

function forget(host: CallHost, entry: PendingCall): void {
  if (host.calls.ofTask(entry.task) !== entry) return;
  host.calls.remove(entry);
  host.onEnded(entry);
}
