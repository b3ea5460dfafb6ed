import { type Awaitable, chain, isThenable } from '../common/awaitable.js';
import { SteadyClock } from '../common/time/SteadyClock.js';
import { ShutdownError } from '../model/errors/RefusalErrors.js';
import type { PendingApproval } from '../model/PendingApproval.js';
import type { Task } from '../model/Task.js';
import type { ApprovalSchedulerOptions } from './ApprovalSchedulerOptions.js';
import { askAgain } from './execution/askAgain.js';
import { CallEnder } from './call/CallEnder.js';
import { keepsAlive } from './keepsAlive.js';
import { drainExecutions, endOpenCalls } from './execution/drain.js';
import { cancelled, cancelledWith, type Resolution, timedOut } from './call/endings.js';
import type { DuplicateCalls } from './call/DuplicateCalls.js';
import type { ExecutionHost, RunApproved } from './execution/ExecutionHost.js';
import { Executions } from './execution/Executions.js';
import { CallIndex } from './call/CallIndex.js';
import { type ApprovalCall, type HeldApproval, PendingCall } from './call/PendingCall.js';
import { StatusTracker } from './status/StatusTracker.js';

/**
 * Follows pending approvals and runs what was approved, once. One timer serves any number of them; where the service pushes, nothing is polled.
 * A call runs only through one sequence: not expired, decided afresh, the approval used up, a claim in the store, run.
 */
export class ApprovalScheduler {
  readonly #options: ApprovalSchedulerOptions;
  readonly #clock: SteadyClock;
  readonly #calls = new CallIndex();
  readonly #controller = new AbortController();
  readonly #ender: CallEnder;
  readonly #follower: StatusTracker;
  readonly #executions: Executions;
  readonly #cancelForCaller = (entry: PendingCall): Promise<boolean> => this.cancel(entry, 'by its caller');
  #background = 0;
  #closing: Promise<void> | undefined;

  constructor(options: ApprovalSchedulerOptions) {
    const { decisions, registry } = options;
    const { signal } = this.#controller;
    this.#options = options;
    this.#clock = options.clock ?? new SteadyClock();
    this.#ender = new CallEnder(decisions, registry, this.#calls, (entry) => this.#ended(entry));
    const end = (entry: PendingCall, ending: Resolution): Awaitable<void> => chain(this.#ender.tryEnd(entry, ending), () => undefined);
    const execute = (entry: PendingCall): Awaitable<void> => this.#executions.start(entry, (params, task) => entry.call.run(params, task));
    const approve: CallEnder['approve'] = (entry, by) => this.#ender.approve(entry, by);
    const now = this.now.bind(this);
    this.#follower = new StatusTracker(options, this.#calls, { now, approve, execute, end, timeout: this.timeout.bind(this) }, signal);
    const host: ExecutionHost = {
      decisions,
      registry,
      signal,
      leaseMs: options.leaseMs ?? 30_000,
      now,
      end,
      retryLater: (entry, error) => this.#follower.retry(entry, error),
      finish: (entry, outcome) => this.#ender.finish(entry, outcome),
      leave: (entry, task) => {
        entry.phase = 'waiting';
        this.#observe(task);
        if (task.status === 'pending') this.#follower.followAgain(entry);
      },
      askAgain: (entry, decision) => askAgain(entry, decision, host, () => this.#follower.followAgain(entry)),
    };
    this.#executions = new Executions(host, {
      pause: (entry) => this.#follower.pause(entry),
      // a durable approval is not lost because its store is away for a moment
      failed: (entry, error) => (registry.durable ? this.#follower.retry(entry, error) : this.#ender.abandon(entry, error)),
    });
    registry.observe(({ task }) => this.#observe(task));
  }

  /** @internal What deadlines are on, in epoch milliseconds. */
  now(): number {
    return this.#clock.now();
  }

  /** Approvals that are pending, approved or executing. */
  get queueSize(): number {
    return this.#calls.size;
  }

  /** Whether somebody can be asked: the service pushes, or polling is on. */
  get canAsk(): boolean {
    return this.#options.polling.enabled || this.#options.decisions.watch !== undefined;
  }

  /** The tasks of {@link queueSize}, oldest first. */
  pendingTasks(): readonly Task[] {
    return this.#calls.all().map((entry) => entry.task);
  }

  /** Starts listening to what the service pushes; submitting does so too. */
  start(): void {
    this.#refuseIfClosing();
    this.#follower.listen();
  }

  /** Follows an approval and runs the call once it is approved. The task must be in the registry. @throws ShutdownError after {@link shutdown} */
  submit<T>(call: ApprovalCall<T>): PendingApproval<T> {
    const entry = this.hold(call.task, call);
    this.follow(entry);
    return entry.handle;
  }

  /** @internal Watches over the deadline only: it runs when its caller redeems it, or after {@link follow}. */
  hold<T>(task: Task, call: HeldApproval<T>): PendingCall<T> {
    this.#refuseIfClosing();
    const entry = new PendingCall<T>(task, call, this.#cancelForCaller);
    const known = entry as unknown as PendingCall;
    this.#calls.add(known);
    this.#follower.watchDeadline(known);
    this.#holdProcess();
    return entry;
  }

  /** @internal From now on it runs by itself. */
  follow<T>(entry: PendingCall<T>): void {
    if (entry.background || entry.phase === 'ended') return;
    entry.background = true;
    if (keepsAlive(entry, this.#options)) this.#background += 1;
    this.#holdProcess();
    this.#follower.follow(entry as unknown as PendingCall);
  }

  /** @internal The call of a task that waits or runs here. */
  heldCall(taskId: string): PendingCall | undefined {
    return this.#calls.ofTask(taskId);
  }

  /** @internal Goes on with a call of which the store knows more than was heard here. */
  goOn(entry: PendingCall, task: Task): Awaitable<void> {
    if (task.version > entry.task.version) this.#observe(task);
    if (entry.phase !== 'waiting') return;
    if (!entry.background) return this.#follower.watchDeadline(entry);
    return entry.task.status === 'pending' ? this.#follower.ask(entry) : this.#follower.follow(entry);
  }

  /** @internal Finds the pending call that an equal one joins. */
  get equalCalls(): DuplicateCalls {
    return this.#calls.equal;
  }

  /** @internal Asks once, and runs it now, through `run`, if it is approved. Settles when it has ended, or nothing is decided yet. */
  redeem(entry: PendingCall, run: RunApproved, atOnce = false): Awaitable<void> {
    if (entry.phase !== 'waiting') return;
    if (entry.task.status === 'approved') return this.#executions.start(entry, run);
    const asked = this.#follower.ask(entry);
    return atOnce && isThenable(asked) ? asked : chain(asked, () => this.#executions.start(entry, run));
  }

  /** @internal Cancels unless it was decided or claimed first; tells the service that nobody waits any more. */
  async cancel(entry: PendingCall, why: string | Error): Promise<boolean> {
    const ending = typeof why === 'string' ? cancelled(entry.task, why) : cancelledWith(why);
    return this.#ender.tryEndAndTell(entry, ending, 'withdraw');
  }

  /** @internal Ends it as timed out unless it was decided or claimed first; tells the service. */
  async timeout(entry: PendingCall, why: string): Promise<boolean> {
    return this.#ender.tryEndAndTell(entry, timedOut(entry.task, why), 'expire');
  }

  /**
   * Runs nothing any more. Pending approvals end with a ShutdownError (those of a durable store stay in it); what is executing is waited for,
   * `graceMs` milliseconds at most (default 10,000), and is `unknown` after that. Idempotent.
   */
  shutdown({ graceMs = 10_000 }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#shutdown(graceMs);
    return this.#closing;
  }

  async #shutdown(graceMs: number): Promise<void> {
    const { registry } = this.#options;
    this.#controller.abort(new ShutdownError('The module is closing.'));
    const { underWay } = this.#executions;
    await endOpenCalls(this.#calls, underWay, registry, this.#ender, (entry, error) => this.cancel(entry, error));
    await drainExecutions(underWay, graceMs, registry);
  }

  #observe(task: Task): void {
    this.#ender.observe(task);
    const entry = this.#calls.ofTask(task.taskId);
    // a deadline is for what has not started
    if (task.status === 'executing' && entry !== undefined) this.#follower.drop(entry);
    // another process may have been first to learn of a yes: it does not run what is this one's
    if (task.status === 'approved' && entry !== undefined && this.#options.registry.durable) void this.goOn(entry, task);
  }

  #ended(entry: PendingCall): void {
    this.#follower.drop(entry);
    if (entry.background && keepsAlive(entry, this.#options)) this.#background -= 1;
    this.#holdProcess();
  }

  #holdProcess(): void {
    this.#follower.holdProcess(this.#background > 0);
  }

  #refuseIfClosing(): void {
    if (this.#closing !== undefined) throw new ShutdownError('The module is closed; no approval can be asked for.');
  }
}
