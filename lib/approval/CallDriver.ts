import { attempt, type Awaitable, chain, callSafely } from '../common/awaitable.js';
import { DueLoop } from '../common/time/DueLoop.js';
import { pollDelay } from '../common/time/pollDelay.js';
import { SteadyClock } from '../common/time/SteadyClock.js';
import type { DecisionService } from '../decision/DecisionService.js';
import type { HaltSwitch } from '../decision/halt/HaltGate.js';
import { summarizeError } from '../model/AegisError.js';
import { checkStatus } from '../model/checkDecision.js';
import { isOffered } from '../model/Capability.js';
import type { DecisionStatus } from '../model/Decision.js';
import { publishCallbackError } from '../model/diagnostics.js';
import { reportSecurity } from '../model/Journal.js';
import type { Journal } from '../model/Journal.js';
import type { Task } from '../model/Task.js';
import { tellableStatus } from '../model/view/withoutValues.js';
import type { ApprovalSchedulerOptions } from './ApprovalSchedulerOptions.js';
import { CallIndex } from './call/CallIndex.js';
import { nextStep } from './call/nextStep.js';
import type { Answer, Step } from './call/nextStep.js';
import type { PendingCall } from './call/PendingCall.js';
import { observeTask, recordApproval, settleCall } from './call/settleCall.js';
import { execution } from './execution/execution.js';
import type { ExecutionHost } from './execution/ExecutionHost.js';
import { ConcurrencyLimit, StatusRequests } from './status/StatusRequests.js';
import { StatusStream } from './status/StatusStream.js';
import type { TaskRegistry } from './task/TaskRegistry.js';

/** How long an approved call waits that could not run, the first time; twice as long each time, up to the time between two polls. In milliseconds. */
const FIRST_TRY_MS = 250;

/**
 * Does what {@link nextStep} says about every open call: asks where approvals stand, or reads what the service pushes; records, ends and runs. One timer
 * serves any number of calls.
 */
export class CallDriver implements ExecutionHost {
  readonly decisions: DecisionService;
  readonly registry: TaskRegistry;
  readonly calls: CallIndex;
  readonly signal: AbortSignal;
  readonly leaseMs: number;
  readonly journal: Journal | undefined;
  readonly halts: HaltSwitch;
  readonly executing: Set<PendingCall> = new Set();
  readonly onEnded: (entry: PendingCall) => void;
  readonly #options: ApprovalSchedulerOptions;
  readonly #clock: SteadyClock;
  readonly #loop: DueLoop<PendingCall>;
  readonly #stream: StatusStream;
  /** Whether the service pushes statuses now. */
  #pushed = false;
  /** Made with the first question: where the service pushes, there may never be one. */
  #asking: { readonly requests: StatusRequests; readonly line: ConcurrencyLimit<PendingCall> } | undefined;

  /** @param onEnded gets each call that is open no longer, before its waiters are told */
  constructor(options: ApprovalSchedulerOptions, signal: AbortSignal, onEnded: (entry: PendingCall) => void) {
    const { decisions, registry } = options;
    this.#options = options;
    this.decisions = decisions;
    this.registry = registry;
    this.signal = signal;
    this.journal = options.journal;
    this.halts = options.halts ?? { gate: undefined };
    this.leaseMs = options.leaseMs ?? 30_000;
    this.calls = new CallIndex(decisions.watch !== undefined);
    this.#clock = options.clock ?? new SteadyClock();
    this.#loop = new DueLoop({ now: () => this.#clock.now(), handle: (entry) => this.#safely(entry, () => this.#due(entry)) });
    this.#stream = new StatusStream(decisions, {
      onStatus: (status) => (status === 'resync' ? this.#askAll() : this.#onStatus(status)),
      onEnd: (error) => this.#onStreamEnd(error),
      random: options.random ?? Math.random,
    });
    this.onEnded = (entry) => {
      this.#drop(entry);
      onEnded(entry);
    };
    const stop = (): void => {
      this.#loop.stop();
      this.#stream.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    // also of a task that was made: where another process made it, the store may have more of it by now
    registry.observe(({ task }) => this.#observe(task));
  }

  now(): number {
    return this.#clock.now();
  }

  /** Whether the timer keeps the process alive. */
  holdProcess(hold: boolean): void {
    this.#loop.holdProcess(hold);
  }

  /** Called for each final status of an approval for which no call waits here. */
  onUnheld: ((status: DecisionStatus) => void) | undefined;

  /** How often {@link listen} was called. */
  listenCalls = 0;

  /** Reads what the service pushes, if it does. */
  listen(): void {
    this.listenCalls += 1;
    if (!this.#pushed) this.#pushed = this.#stream.start(this.signal);
  }

  /** Watches the deadline only, until the call is followed or redeemed. */
  hold(entry: PendingCall): void {
    this.#loop.schedule(entry, entry.task.expiresAtMs);
  }

  /**
   * From now on the call runs by itself once it is approved.
   *
   * @param listen false where that was just tried
   */
  follow(entry: PendingCall, listen: boolean = entry.background): void {
    if (listen && isOffered(entry.task, 'events')) this.listen();
    this.#safely(entry, () => this.#step(entry, { kind: 'followed' }));
  }

  followAgain(entry: PendingCall): void {
    entry.polls = 0;
    entry.undecided = 0;
    entry.tries = 0;
    this.follow(entry);
  }

  /** Goes on with a call of which the store has more than was observed here. */
  catchUp(entry: PendingCall, task: Task): Awaitable<void> {
    if (task.version > entry.task.version) this.#observe(task);
    if (entry.phase !== 'waiting') return;
    if (entry.background && entry.task.status === 'pending') return this.ask(entry);
    return this.follow(entry);
  }

  /** Asks where an approval stands, now; a second question while the first is under way gets its answer. */
  ask(entry: PendingCall): Awaitable<void> {
    return this.#ask().requests.send(
      entry,
      () => {
        entry.polls += 1;
        const { taskId, decisionId, offers } = entry.task;
        return chain(this.registry.countAttempt(taskId), (counted) => {
          if (counted?.version === entry.task.version) entry.task = counted;
          return this.decisions.status(decisionId, { signal: this.signal, offers });
        });
      },
      { answered: (status) => this.#answered(entry, checkStatus(status)), failed: (error) => this.retryLater(entry, error) },
    );
  }

  pause(entry: PendingCall): void {
    this.#stopAsking(entry);
    this.hold(entry);
  }

  /** Tries again later: the service or the store did not answer, or an approved call could not be decided afresh. */
  retryLater(entry: PendingCall, error: unknown): Awaitable<void> {
    if (this.signal.aborted || entry.phase === 'ended') return;
    const fields = { taskId: entry.task.taskId, error: summarizeError(error).name };
    const warn = (): void => this.#options.logger?.warn(fields, 'an approval could not go on; trying again later');
    callSafely(warn, [], (failure) => publishCallbackError('logging', failure));
    entry.phase = 'waiting';
    return this.#step(entry, { kind: 'failed' });
  }

  leave(entry: PendingCall, task: Task): void {
    entry.phase = 'waiting';
    this.#observe(task);
    if (task.status === 'pending') this.followAgain(entry);
  }

  /** Every change of a task, from this process or another one, before listeners get it. */
  #observe(task: Task): void {
    const entry = this.calls.ofTask(task);
    if (entry === undefined) return;
    observeTask(this, task);
    if (this.calls.ofTask(task) !== entry) return;
    // a deadline is for what has not started
    if (task.status === 'executing') this.#drop(entry);
    // another process may have been first to learn of a yes: it does not run what is this one's
    if (task.status === 'approved' && this.registry.durable) void this.catchUp(entry, task);
  }

  /** The one place where a step is taken. */
  #step(entry: PendingCall, answer: Answer): Awaitable<void> {
    const { polling } = this.#options;
    const maxAttempts = this.registry.durable ? undefined : polling.maxAttempts;
    const rules = { pushed: this.#isPushed(entry), polls: polling.enabled, maxAttempts };
    return this.#do(entry, nextStep(entry, this.now(), answer, rules));
  }

  #isPushed({ task }: PendingCall): boolean {
    return this.#pushed && isOffered(task, 'events');
  }

  #do(entry: PendingCall, step: Step): Awaitable<void> {
    switch (step.kind) {
      case 'none':
        return;
      case 'wait':
        this.#loop.schedule(entry, step.afterDelay ? Math.min(this.now() + this.#delayOf(entry), step.untilMs) : step.untilMs);
        return;
      case 'ask':
        this.hold(entry);
        this.#ask().line.enter(entry);
        return;
      case 'run':
        return this.execute(entry);
      case 'approve':
        return chain(this.#approve(entry, step.status), () => {
          // what runs is not awaited here: it may take hours
          if (entry.background) this.#safely(entry, () => this.execute(entry));
        });
      case 'end':
        return chain(settleCall(this, entry, step.resolution, step.notify), () => undefined);
    }
  }

  #approve(entry: PendingCall, status: DecisionStatus): Awaitable<void> {
    if (status.params === undefined && status.digest === undefined) return recordApproval(this, entry, status.by);
    return chain(execution.get(), ({ approveEdited }) => approveEdited(entry, status, this));
  }

  /** Runs a call as its guard does. */
  execute(entry: PendingCall): Awaitable<void> {
    return chain(execution.get(), ({ executeApproved }) =>
      executeApproved(entry, (params, task, lastLook) => entry.call.run(params, task, lastLook), this),
    );
  }

  #due(entry: PendingCall): Awaitable<void> {
    return this.#step(entry, { kind: 'due', asking: this.#asking?.requests.has(entry) === true });
  }

  #answered(entry: PendingCall, status: DecisionStatus | undefined): Awaitable<void> {
    if (this.signal.aborted) return;
    if (status?.state === 'pending' && !this.#isPushed(entry)) entry.undecided += 1;
    const told = status && tellableStatus(status, entry.call.request, entry.task.params);
    return this.#step(entry, { kind: 'status', status: told });
  }

  #onStatus(answer: unknown): void {
    const status = checkStatus(answer);
    const entry = status === undefined ? undefined : this.calls.ofDecision(status.decisionId);
    if (status === undefined) return;
    if (entry === undefined) {
      if (status.state !== 'pending') this.onUnheld?.(status);
      return;
    }
    // a halt also ends what was approved, unless it runs
    if (entry.task.status === 'pending' || (status.code === 'halted' && entry.task.status === 'approved'))
      this.#safely(entry, () => this.#answered(entry, status));
    else this.#reportChangeOfMind(entry.task, status);
  }

  /** After it was reported approved, any other end is reported, and changes nothing: the first answer stands. */
  #reportChangeOfMind({ agentId, toolName, decisionId }: Task, { state }: DecisionStatus): void {
    if (state === 'approved' || state === 'pending') return;
    const message = `An approval was reported ${state} after it had been reported approved; the first answer stands.`;
    reportSecurity(
      { kind: 'security', code: 'status_changed_after_final', message, actor: { kind: 'service' }, agentId, toolName, decisionId },
      this.journal,
    );
  }

  #onStreamEnd(error: unknown): void {
    this.#pushed = false;
    if (error !== undefined) publishCallbackError('watching the decision service', error);
    for (const entry of this.calls.all()) {
      if (this.#asking?.requests.has(entry) !== true) this.#safely(entry, () => this.#step(entry, { kind: 'streamEnded' }));
    }
    this.#restartStream();
  }

  /** A service that offered events with its approvals is expected to push again: its server may only have been started again. */
  #restartStream(): void {
    const isWaiting = ({ background, task }: PendingCall): boolean => background && task.offers?.includes('events') === true;
    if (!this.signal.aborted && this.calls.all().some(isWaiting)) this.#stream.restartLater(() => this.listen());
  }

  /** Asks about everything that a stream may have missed, and goes on with what is approved: the halt that kept it from running may be over. */
  #askAll(): void {
    for (const entry of this.calls.all()) {
      if (!entry.background || entry.phase !== 'waiting' || !isOffered(entry.task, 'events')) continue;
      if (entry.task.status === 'pending') this.#ask().line.enter(entry);
      else if (entry.task.status === 'approved') {
        entry.tries = 0;
        this.follow(entry, false);
      }
    }
  }

  #ask(): { readonly requests: StatusRequests; readonly line: ConcurrencyLimit<PendingCall> } {
    this.#asking ??= {
      requests: new StatusRequests(),
      line: new ConcurrencyLimit(this.#options.maxConcurrentPolls ?? 64, (entry) => this.#askInTurn(entry)),
    };
    return this.#asking;
  }

  /** A question whose turn has come may be needless by then. */
  #askInTurn(entry: PendingCall): Awaitable<void> {
    if (entry.phase !== 'waiting' || entry.task.status !== 'pending') return;
    let asked: Awaitable<void> = undefined;
    this.#safely(entry, () => (asked = this.ask(entry)));
    return asked;
  }

  #stopAsking(entry: PendingCall): void {
    const { requests, line } = this.#asking ?? {};
    // where the service pushes, nothing is under way most of the time
    if (requests === undefined || line === undefined || requests.underWay.size + line.active.size + line.waiting.size === 0) return;
    requests.drop(entry);
    line.leave(entry);
  }

  #drop(entry: PendingCall): void {
    this.#stopAsking(entry);
    this.#loop.remove(entry);
  }

  #delayOf(entry: PendingCall): number {
    const { polling, random } = this.#options;
    const untilPoll = pollDelay(entry.polls, { ...polling, random });
    if (entry.task.status !== 'approved') return untilPoll;
    // a person has said yes, and only a service or a store that is away keeps it from running
    entry.tries += 1;
    return Math.min(FIRST_TRY_MS * 2 ** (entry.tries - 1), untilPoll);
  }

  /** What fails about one call, such as its store, is tried again and keeps nothing else from going on. */
  #safely(entry: PendingCall, work: () => Awaitable<unknown>): void {
    const failed = (error: unknown): void => {
      publishCallbackError('following an approval', error);
      if (entry.phase === 'ended' || this.signal.aborted) return;
      entry.phase = 'waiting';
      this.#loop.schedule(entry, this.now() + this.#delayOf(entry));
    };
    attempt<unknown, void>(work, () => undefined, failed);
  }
}
