import { checkStatus } from '../../model/checkDecision.js';
import { LruMap } from '../../common/LruMap.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import type { ApprovedTask, Task } from '../../model/Task.js';
import type { ApprovalScheduler } from '../ApprovalScheduler.js';
import { cancelled, deniedAtRun, resolutionOfStatus, timedOut } from '../call/endings.js';
import type { Resolution } from '../call/endings.js';
import type { RestoredCall, CallRestorer } from './CallRestorer.js';
import type { TaskRegistry } from '../task/TaskRegistry.js';

/** What a store's tasks are seen to with. */
export interface OrphanedTasksOptions {
  readonly registry: TaskRegistry;
  readonly scheduler: ApprovalScheduler;
  readonly decisions: DecisionService;
  readonly reviver: CallRestorer;
}

/** Waiting tasks that listeners have been told of. */
const MAX_TOLD = 10_000;
/** How long finding the instance of a stored call may take, in milliseconds. */
const REVIVE_MS = 10_000;

/** Sees to tasks of a store that no call of this process stands behind: those of processes that have ended. */
export class OrphanedTasks {
  readonly #options: OrphanedTasksOptions;
  readonly #told = new LruMap<string, true>(MAX_TOLD);
  readonly #signal: AbortSignal;
  /** What was given by the store and cannot be run here: another process may. */
  #unrunnable: string[] = [];
  /** Approved ones that this process cannot run, with the time at which it heard of them. */
  readonly #unclaimed = new Map<string, number>();

  constructor(options: OrphanedTasksOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Whether its home, another process, lives: then it is its home's to see to. */
  async isElsewhere({ origin }: Task): Promise<boolean> {
    const { store, clock } = this.#options.registry;
    if (origin === undefined || origin.ownerId === store.ownerId) return false;
    return store.isLive(origin.ownerId, clock.now());
  }

  /** A verdict was given on it, or may have been. */
  async seeToDecided(decisionId: string): Promise<void> {
    const task = await this.#options.registry.store.ofDecision(decisionId);
    if (task?.decisionId === decisionId && (await this.#isOurs(task))) await this.seeTo(task);
  }

  /** The store's queue says that it is approved. */
  async seeToApproved(taskId: string): Promise<void> {
    const task = await this.#options.registry.store.get(taskId);
    if (task?.status === 'approved' && (await this.#isOurs(task))) await this.seeTo(task);
  }

  /** It is approved, perhaps elsewhere: whether anybody runs it, time will tell. */
  noteApproved(task: Task): void {
    const { reviver, scheduler, registry } = this.#options;
    if (task.mode === 'throw' || this.#unclaimed.size >= MAX_TOLD || scheduler.heldCall(task.taskId) !== undefined) return;
    if (!reviver.runnable().includes(task.guardKey)) this.#unclaimed.set(task.taskId, registry.clock.now());
  }

  /** Tells of approved ones that nobody has begun, and that nobody here can run. */
  async tellOfStrays(heardByMs: number): Promise<void> {
    for (const [taskId, heardMs] of this.#unclaimed) {
      if (heardMs > heardByMs) return;
      this.#unclaimed.delete(taskId);
      await this.seeToApproved(taskId);
    }
  }

  /** Leaves what cannot be run here to whoever asks next. */
  async makeDue(): Promise<void> {
    const unrunnable = this.#unrunnable;
    this.#unrunnable = [];
    if (unrunnable.length > 0) await this.#options.registry.store.makeDue(unrunnable);
  }

  /** Takes it one step on: its end, its verdict, or its run. */
  async seeTo(task: Task): Promise<void> {
    const { scheduler, registry, decisions } = this.#options;
    const { status, origin, decisionId } = task;
    if (this.#signal.aborted || (status !== 'pending' && status !== 'approved')) return;
    const held = scheduler.heldCall(task.taskId);
    if (held !== undefined) return scheduler.goOn(held, task);
    if (registry.clock.now() >= task.expiresAtMs) {
      const why = status === 'approved' ? 'its time was over before it could run' : 'nobody decided in time';
      if (await this.#end(task, timedOut(task, why))) await decisions.expire?.(decisionId);
      return;
    }
    if (origin === undefined) return;
    if (!origin.resumable) {
      // its home may have been too busy to see to it
      if (await this.isElsewhere(task)) return;
      if (await this.#end(task, cancelled(task, 'the process that waited for it has ended'))) await decisions.withdraw?.(decisionId);
      return;
    }
    const approved = status === 'approved' ? task : await this.#askAbout(task);
    // one that its caller redeems never runs by itself
    if (approved !== undefined && approved.mode !== 'throw') await this.#run(approved);
  }

  async #isOurs(task: Task): Promise<boolean> {
    return this.#options.scheduler.heldCall(task.taskId) === undefined && !(await this.isElsewhere(task));
  }

  async #askAbout(task: Task): Promise<ApprovedTask | undefined> {
    const { decisions, registry } = this.#options;
    const answer: unknown = await decisions.status(task.decisionId, { signal: this.#signal });
    const status = checkStatus(answer);
    const ending = resolutionOfStatus(task, status);
    if (ending !== undefined) await this.#end(task, ending);
    if (ending !== undefined || status?.state !== 'approved') return undefined;
    const approved = await registry.transition(task.taskId, ['pending'], { to: 'approved', approvedBy: status.by });
    return approved as ApprovedTask | undefined;
  }

  async #run(task: ApprovedTask): Promise<void> {
    const { scheduler, registry } = this.#options;
    const revived = await this.#revive(task);
    // finding the instance may have taken long
    if (this.#signal.aborted || scheduler.heldCall(task.taskId) !== undefined) return;
    switch (revived.kind) {
      case 'call':
        scheduler.follow(scheduler.hold(task, revived.call));
        return;
      case 'refused':
        await this.#end(task, deniedAtRun(task, revived.code, revived.why));
        return;
      case 'waiting':
        this.#unrunnable.push(task.taskId);
        if (this.#told.get(task.taskId) === true) return;
        this.#told.set(task.taskId, true);
        registry.emit('waiting-for-worker', { task, reason: revived.reason });
    }
  }

  /** What finds the instance is the program's own: one that never answers must not keep everything else from being seen to. */
  #revive(task: Task): Promise<RestoredCall> {
    const { reviver } = this.#options;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => resolve({ kind: 'waiting', reason: 'no-instance' }), REVIVE_MS);
      Promise.resolve(reviver.revive(task))
        .then(resolve, reject)
        .finally(() => clearTimeout(late));
    });
  }

  async #end({ taskId }: Task, { change }: Resolution): Promise<boolean> {
    return (await this.#options.registry.transition(taskId, ['pending', 'approved'], change)) !== undefined;
  }
}
