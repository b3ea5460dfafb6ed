import { bindingBaseOf } from '../../model/bindingBase.js';
import { checkStatus } from '../../model/checkDecision.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import { tellableStatus } from '../../model/view/withoutValues.js';
import type { DecisionStatus } from '../../model/Decision.js';
import type { ApprovedTask, Task } from '../../model/Task.js';
import type { ApprovalScheduler } from '../ApprovalScheduler.js';
import { cancelled, deniedAtRun, otherCall, resolutionOfStatus, timedOut } from '../call/resolution.js';
import { settleTask } from '../call/settleCall.js';
import type { TaskRegistry } from '../task/TaskRegistry.js';
import type { WaitingForWorker } from '../task/TaskEvents.js';
import type { CallRestorer, RestoredCall } from './CallRestorer.js';

/** What stored tasks are recovered with. */
export interface RecoveryHost {
  readonly registry: TaskRegistry;
  readonly scheduler: ApprovalScheduler;
  readonly decisions: DecisionService;
  readonly restorer: CallRestorer;
}

/** What became of a stored task: it ended, it waits for its verdict or its caller, it runs here, or this process cannot run it. */
export type Recovery = { readonly kind: 'ended' | 'asked' | 'running' } | ({ readonly kind: 'unrunnable' } & WaitingForWorker);

/** How long finding the instance of a stored call may take, in milliseconds. */
const RESTORE_MS = 10_000;

const ENDED: Recovery = { kind: 'ended' };
const ASKED: Recovery = { kind: 'asked' };
const RUNNING: Recovery = { kind: 'running' };

/**
 * Takes a stored task one step on: to its end, its verdict, or its run. A task whose owner lives is its owner's.
 *
 * @param signal once aborted, nothing is started
 */
export async function recoverTask(task: Task, host: RecoveryHost, signal: AbortSignal): Promise<Recovery> {
  const { scheduler, registry, decisions } = host;
  const { status, origin } = task;
  if (status !== 'pending' && status !== 'approved') return ENDED;
  if (signal.aborted) return ASKED;
  const held = scheduler.heldCall(task);
  if (held !== undefined) {
    await scheduler.catchUp(held, task);
    return RUNNING;
  }
  if (registry.clock.now() >= task.expiresAtMs) {
    const why = status === 'approved' ? 'it expired before it could run' : 'it was not decided in time';
    await settleTask(host, task, timedOut(task, why), 'expire');
    return ENDED;
  }
  if (origin === undefined) return ASKED;
  if (!origin.resumable) {
    // its owner may have been too busy to handle it
    if (await isOwnedElsewhere(task, registry)) return ASKED;
    await settleTask(host, task, cancelled(task, 'the process that waited for it has ended'), 'withdraw');
    return ENDED;
  }
  if (status === 'approved') return run(task, host, signal);
  const answer: unknown = await decisions.status(task.decisionId, { signal, offers: task.offers });
  const known = checkStatus(answer);
  const told = (status: DecisionStatus): DecisionStatus =>
    tellableStatus(status, { params: origin.originalParams, sensitive: host.restorer.sensitive(task) }, task.params);
  const found = known?.reason === undefined ? known : told(known);
  const resolution = resolutionOfStatus(task, found);
  if (resolution !== undefined) {
    await settleTask(host, task, resolution);
    return ENDED;
  }
  if (found?.state !== 'approved') {
    // its verdict may be pushed
    if (task.offers?.includes('events') === true) scheduler.start();
    return ASKED;
  }
  // its guard checks what a person made of it, before the yes is recorded with that
  if (found.params !== undefined || found.digest !== undefined) return task.mode === 'throw' ? ASKED : follow(task, host, signal);
  const approved = await registry.transition(task.taskId, ['pending'], { to: 'approved', approvedBy: found.by });
  return approved === undefined ? ASKED : run(approved as ApprovedTask, host, signal);
}

/** Whether the owner of a task is another process, and lives: then the task is left to it. */
export async function isOwnedElsewhere({ origin }: Task, registry: TaskRegistry): Promise<boolean> {
  const { store, clock } = registry;
  if (origin === undefined || origin.ownerId === store.ownerId) return false;
  return store.isLive(origin.ownerId, clock.now());
}

async function run(task: ApprovedTask, host: RecoveryHost, signal: AbortSignal): Promise<Recovery> {
  // before anything is made of what the store says
  if (!(await checkApproved(task, host))) return ENDED;
  // what its caller redeems never runs by itself
  return task.mode === 'throw' ? ASKED : follow(task, host, signal);
}

/** Goes on with a stored call in this process, as with one of its own. */
async function follow(task: Task, host: RecoveryHost, signal: AbortSignal): Promise<Recovery> {
  const { scheduler, restorer } = host;
  const restored = await restoreInTime(task, restorer);
  // finding the instance may have taken long
  if (signal.aborted || scheduler.heldCall(task) !== undefined) return RUNNING;
  switch (restored.kind) {
    case 'call':
      scheduler.submit(scheduler.hold(task, restored.call).handle);
      return RUNNING;
    case 'refused':
      await settleTask(host, task, deniedAtRun(task, restored.code, restored.why));
      return ENDED;
    case 'waiting':
      return { kind: 'unrunnable', task, reason: restored.reason };
  }
}

/** Whether a stored task is the call that was approved. One that is not ends here. */
export async function checkApproved(task: ApprovedTask, host: Pick<RecoveryHost, 'registry' | 'decisions'>): Promise<boolean> {
  const { decisionId, digest } = task;
  if (host.decisions.verify === undefined) return true;
  const answer: unknown = await host.decisions.verify({ decisionId, digest, bindingBase: bindingBaseOf(task) });
  if (answer === true) return true;
  await settleTask(host, task, otherCall(task));
  return false;
}

/** What finds the instance belongs to the program: if it never answers, everything else must still be handled. */
function restoreInTime(task: Task, restorer: CallRestorer): Promise<RestoredCall> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => resolve({ kind: 'waiting', reason: 'no-instance' }), RESTORE_MS);
    Promise.resolve(restorer.restore(task))
      .then(resolve, reject)
      .finally(() => clearTimeout(late));
  });
}
