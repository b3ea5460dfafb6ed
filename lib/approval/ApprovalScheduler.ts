import { type Awaitable, chain, isThenable } from '../common/awaitable.js';
import { ShutdownError } from '../model/errors/RefusalErrors.js';
import { TaskStateError } from '../model/errors/SetupErrors.js';
import { isOffered } from '../model/Capability.js';
import type { ApprovalNeededDecision, DecisionStatus } from '../model/Decision.js';
import type { PendingApproval } from '../model/PendingApproval.js';
import type { Task } from '../model/Task.js';
import type { ApprovalSchedulerOptions } from './ApprovalSchedulerOptions.js';
import { CallDriver } from './CallDriver.js';
import type { CallIndex, TaskKey } from './call/CallIndex.js';
import { anyCall, callOfHandle, HeldCall, type HeldApproval, PendingCall, type RunApproved } from './call/PendingCall.js';
import { cancelled, cancelledWith, timedOut } from './call/resolution.js';
import { settleCall } from './call/settleCall.js';
import { execution } from './execution/execution.js';
import { checkedOptions } from '../model/checkedOptions.js';
import type { OptionKinds } from '../common/readOptions.js';

const SCHEDULER_OPTIONS: OptionKinds<ApprovalSchedulerOptions> = {
  decisions: 'object!',
  registry: 'object!',
  polling: 'object!',
  maxConcurrentPolls: 'count',
  leaseMs: 'ms',
  keepAlive: 'boolean',
  clock: 'object',
  random: 'function',
  logger: 'object',
  journal: 'object|list',
  halts: 'object',
};
/** The options of `close()` and `shutdown()`. */
export const CLOSE_OPTIONS: OptionKinds<{ readonly graceMs?: number | undefined }> = { graceMs: 'age' };

/**
 * Follows pending approvals and runs what was approved, once. One timer serves any number of them; where the service pushes, nothing is polled.
 * A call runs only through one sequence: not expired, decided afresh, the approval used up, a claim in the store, run.
 */
export class ApprovalScheduler {
  readonly #options: ApprovalSchedulerOptions;
  readonly #controller = new AbortController();
  readonly #driver: CallDriver;
  readonly #cancelForCaller = (entry: PendingCall): Promise<boolean> => this.cancelForCaller(entry);
  /** Calls that are followed, and for which the process waits. */
  #background = 0;
  #started = false;
  #closing: Promise<void> | undefined;

  constructor(given: ApprovalSchedulerOptions) {
    const options = checkedOptions('ApprovalScheduler', given, SCHEDULER_OPTIONS);
    this.#options = options;
    this.#driver = new CallDriver(options, this.#controller.signal, (entry) => {
      if (entry.background && keepsAlive(entry, this.#options)) this.#background -= 1;
      this.#holdProcess();
    });
  }

  /** @internal What deadlines are on, in epoch milliseconds. */
  now(): number {
    return this.#driver.now();
  }

  /** Approvals that are pending, approved or executing. */
  get queueSize(): number {
    return this.#driver.calls.size;
  }

  /** Whether the outcome of an approval can be learned: the service pushes, or polling is on. */
  canAsk(approval: Pick<ApprovalNeededDecision, 'offers'> = {}): boolean {
    return this.#options.polling.enabled || (this.#options.decisions.watch !== undefined && isOffered(approval, 'events'));
  }

  /** @internal Called for each final status that the service pushes of an approval for which no call waits here. */
  set onUnheld(listener: (status: Pick<DecisionStatus, 'decisionId'>) => void) {
    this.#driver.onUnheld = listener;
  }

  /** The tasks of {@link queueSize}, oldest first. */
  pendingTasks(): readonly Task[] {
    return this.#driver.calls.all().map((entry) => entry.task);
  }

  /**
   * Starts reading what the service pushes. The library calls it before it follows the first call.
   *
   * @throws ShutdownError after {@link shutdown}
   */
  start(): void {
    this.#refuseIfClosing();
    this.#driver.listen();
  }

  /**
   * Follows a pending approval, and runs its call once it is approved. The library submits every call of the modes `defer` and `wait`, and `schedule()` of
   * `guardCall()` does so too: override it in a scheduler of your own to see or to delay them. A call that is not submitted does not run. Submitting one
   * again, or one that has ended, changes nothing.
   *
   * @param pending what a guarded call of this module returned
   * @returns the same pending approval
   * @throws TaskStateError for an approval of another module, and for one of mode `throw`, which only a repeated call redeems
   */
  submit<T>(pending: PendingApproval<T>): PendingApproval<T> {
    const entry = callOfHandle(pending);
    if (entry === undefined || (entry.phase !== 'ended' && this.#driver.calls.ofTask(entry.task) !== entry)) {
      const message = 'This approval does not wait in this module. Submit what a guarded call or guardCall() of this module returned.';
      throw new TaskStateError(entry?.task.taskId ?? '', message);
    }
    if (entry.task.mode === 'throw') {
      const message = "A call of mode 'throw' never runs in the background. Repeat the call once it is approved, or use mode 'defer'.";
      throw new TaskStateError(entry.task.taskId, message);
    }
    this.follow(entry);
    return pending;
  }

  /** @internal Watches over the deadline only: it runs when its caller redeems it, or after {@link follow}. */
  hold<T>(task: Task, call: HeldApproval<T>): PendingCall<T> {
    this.#refuseIfClosing();
    execution.prepare();
    const entry = call instanceof PendingCall ? (call as PendingCall<T>) : new HeldCall<T>(task, call, this.#cancelForCaller);
    this.#driver.calls.add(anyCall(entry));
    this.#driver.hold(anyCall(entry));
    this.#holdProcess();
    return entry;
  }

  /** @internal From now on it runs by itself. */
  follow<T>(entry: PendingCall<T>): void {
    if (entry.background || entry.phase === 'ended') return;
    const { listenCalls } = this.#driver;
    if (!this.#started) {
      this.#started = true;
      this.start();
    }
    entry.background = true;
    if (keepsAlive(entry, this.#options)) this.#background += 1;
    this.#holdProcess();
    // a start() of the program's own may not have called this one's
    this.#driver.follow(anyCall(entry), this.#driver.listenCalls === listenCalls);
  }

  /** @internal The call of a task that waits or runs here. */
  heldCall(task: TaskKey): PendingCall | undefined {
    return this.#driver.calls.ofTask(task);
  }

  /** @internal Goes on at once with what is approved and waits for its next try: what kept it from running may be over. */
  resume(): void {
    for (const entry of this.#driver.calls.all())
      if (entry.background && entry.phase === 'waiting' && entry.task.status === 'approved') this.#driver.follow(entry, false);
  }

  /** @internal The calls that are pending, approved or executing here. */
  get openCalls(): readonly PendingCall[] {
    return this.#driver.calls.all();
  }

  /** @internal Goes on with a call of which the store has more than was observed here. */
  catchUp(entry: PendingCall, task: Task): Awaitable<void> {
    return this.#driver.catchUp(entry, task);
  }

  /** @internal Finds the pending call that a duplicate call joins. */
  get duplicates(): Pick<CallIndex, 'openByGuard' | 'hasOpen' | 'duplicateOf'> {
    return this.#driver.calls;
  }

  /** @internal Asks once, and runs it now, through `run`, if it is approved. Settles when it has ended, or nothing is decided yet. */
  redeem(entry: PendingCall, run: RunApproved, atOnce = false): Awaitable<void> {
    if (entry.phase !== 'waiting') return;
    if (entry.task.status === 'approved') return this.#execute(entry, run, atOnce);
    const asked = this.#driver.ask(entry);
    return atOnce && isThenable(asked) ? asked : chain(asked, () => this.#execute(entry, run, atOnce));
  }

  #execute(entry: PendingCall, run: RunApproved, atOnce: boolean): Awaitable<void> {
    const loaded = execution.get();
    // a caller that cannot wait is told that it did not run, so it must not run later
    if (atOnce && isThenable(loaded)) return loaded.then(() => undefined);
    return chain(loaded, ({ executeApproved }) => executeApproved(entry, run, this.#driver));
  }

  /** @internal Cancels unless it was decided or claimed first; tells the service that its caller does not wait now. */
  async cancel(entry: PendingCall, why: string | Error): Promise<boolean> {
    const resolution = typeof why === 'string' ? cancelled(entry.task, why) : cancelledWith(why);
    return settleCall(this.#driver, entry, resolution, 'withdraw');
  }

  /** @internal {@link cancel}, on behalf of its caller. */
  cancelForCaller(entry: PendingCall): Promise<boolean> {
    return this.cancel(entry, 'by its caller');
  }

  /** @internal Ends it as timed out unless it was decided or claimed first; tells the service. */
  async timeout(entry: PendingCall, why: string): Promise<boolean> {
    return settleCall(this.#driver, entry, timedOut(entry.task, why), 'expire');
  }

  /**
   * Stops running approved calls. Pending approvals end with a ShutdownError; those of a durable store stay in it. Executions are waited for, and what
   * still runs after `graceMs` milliseconds is recorded as `unknown`. A second call returns the promise of the first.
   *
   * @defaultValue `{ graceMs: 10_000 }`
   */
  shutdown(options: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    try {
      const { graceMs = 10_000 } = checkedOptions('shutdown()', options, CLOSE_OPTIONS);
      this.#closing ??= this.#shutdown(graceMs);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return this.#closing;
  }

  async #shutdown(graceMs: number): Promise<void> {
    this.#controller.abort(new ShutdownError('The module is closing.'));
    if (this.queueSize === 0 && this.#driver.executing.size === 0) return;
    const loaded = execution.get();
    // what is open ends at once where it can
    const { endOpenCalls, drainExecutions } = isThenable(loaded) ? await loaded : loaded;
    await endOpenCalls(this.#driver);
    await drainExecutions(this.#driver, graceMs);
  }

  #holdProcess(): void {
    this.#driver.holdProcess(this.#background > 0);
  }

  #refuseIfClosing(): void {
    if (this.#closing !== undefined)
      throw new ShutdownError('The module is closed, so no approval can be requested. Configure a new module, or close this one later.');
  }
}

/** Whether the process waits for a call that is followed. What is in a durable store need not be waited for, unless it would end with its process. */
export function keepsAlive({ task }: Pick<PendingCall, 'task'>, { keepAlive, registry }: ApprovalSchedulerOptions): boolean {
  return keepAlive ?? (!registry.durable || task.origin?.resumable === false);
}
