import { attempt, type Awaitable, chain } from '../../common/awaitable.js';
import { callSafely } from '../../common/callSafely.js';
import { DueLoop } from '../../common/time/DueLoop.js';
import { pollDelay } from '../../common/time/pollDelay.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { checkStatus } from '../../model/checkDecision.js';
import type { DecisionStatus } from '../../model/Decision.js';
import { summarizeError } from '../../model/AegisError.js';
import type { ApprovalSchedulerOptions } from '../ApprovalSchedulerOptions.js';
import { resolutionOfStatus, reportChangeOfMind } from '../call/endings.js';
import type { Resolution } from '../call/endings.js';
import { finalPollMs } from './finalPollMs.js';
import type { CallIndex } from '../call/CallIndex.js';
import type { PendingCall } from '../call/PendingCall.js';
import { StatusStream } from './StatusStream.js';
import { ConcurrencyLimit } from './ConcurrencyLimit.js';
import { Questions } from './StatusRequests.js';

/** What the follower may have done to a call; the scheduler does it. */
export interface TrackerActions {
  now(): number;
  approve(entry: PendingCall, approvedBy: string | undefined): Awaitable<void>;
  execute(entry: PendingCall): Awaitable<void>;
  end(entry: PendingCall, ending: Resolution): Awaitable<void>;
  timeout(entry: PendingCall, why: string): Promise<unknown>;
}

/** Learns where approvals stand: from what the service pushes, else by polling. One timer serves them all, and every deadline. */
export class StatusTracker {
  readonly #options: ApprovalSchedulerOptions;
  readonly #calls: CallIndex;
  readonly #actions: TrackerActions;
  readonly #signal: AbortSignal;
  readonly #loop: DueLoop<PendingCall>;
  readonly #line: ConcurrencyLimit<PendingCall>;
  readonly #push: StatusStream;
  readonly #questions = new Questions();

  constructor(options: ApprovalSchedulerOptions, calls: CallIndex, actions: TrackerActions, signal: AbortSignal) {
    this.#options = options;
    this.#calls = calls;
    this.#actions = actions;
    this.#signal = signal;
    this.#loop = new DueLoop({ now: () => actions.now(), handle: (entry) => this.#safely(entry, () => this.#due(entry)) });
    this.#line = new ConcurrencyLimit(options.maxConcurrentPolls ?? 64, (entry) => this.#askInTurn(entry));
    const ended = (error: unknown): void => this.#pushEnded(error);
    this.#push = new StatusStream(options.decisions, (status) => this.#pushed(status), ended);
    signal.addEventListener('abort', () => this.#loop.stop(), { once: true });
  }

  /** Listens to what the service pushes, if it does. */
  listen(): void {
    this.#push.start(this.#signal);
  }

  /** Follows a call from now on. A verdict that came before anybody listened is read at once; a polled one after the first delay. */
  follow(entry: PendingCall): void {
    this.listen();
    if (this.#push.live || entry.task.status === 'approved') this.#loop.schedule(entry, this.#actions.now());
    else this.#safely(entry, () => this.schedule(entry));
  }

  /** Follows the new approval of a call that was asked again. */
  followAgain(entry: PendingCall): void {
    entry.polls = 0;
    if (entry.background) this.follow(entry);
    else this.watchDeadline(entry);
  }

  /** Watches the deadline only. */
  watchDeadline(entry: PendingCall): void {
    this.#loop.schedule(entry, entry.task.expiresAtMs);
  }

  /** Asks no more, and takes no answer that is still under way; the deadline holds. */
  pause(entry: PendingCall): void {
    this.drop(entry);
    this.watchDeadline(entry);
  }

  drop(entry: PendingCall): void {
    this.#questions.drop(entry);
    this.#line.leave(entry);
    this.#loop.remove(entry);
  }

  holdProcess(hold: boolean): void {
    this.#loop.holdProcess(hold);
  }

  /** Asks where it stands, now; whoever asks while a question is under way gets its answer. */
  ask(entry: PendingCall): Awaitable<void> {
    const { decisions, registry } = this.#options;
    return this.#questions.ask(
      entry,
      () => {
        entry.polls += 1;
        const { taskId, decisionId } = entry.task;
        return chain(registry.countAttempt(taskId), (counted) => {
          if (counted?.version === entry.task.version) entry.task = counted;
          return decisions.status(decisionId, { signal: this.#signal });
        });
      },
      { answered: (status) => this.#apply(entry, checkStatus(status)), failed: (error) => this.retry(entry, error) },
    );
  }

  /** Schedules the next poll, the last read before the end, or the end. */
  schedule(entry: PendingCall): Awaitable<void> {
    const { polling, registry } = this.#options;
    const pushed = this.#push.live;
    const nowMs = this.#actions.now();
    const lastMs = finalPollMs(entry, nowMs);
    if (!entry.background || !(polling.enabled || pushed) || nowMs >= lastMs) return this.watchDeadline(entry);
    if (!pushed && !registry.durable && entry.polls >= polling.maxAttempts) {
      return chain(this.#actions.timeout(entry, `it was still undecided after ${entry.polls} polls`), () => undefined);
    }
    this.#loop.schedule(entry, pushed ? lastMs : Math.min(nowMs + this.#delay(entry), lastMs));
  }

  /** Tries again later: the service or the store did not answer, or an approved call could not be decided afresh. */
  retry(entry: PendingCall, error: unknown): Awaitable<void> {
    if (this.#signal.aborted || entry.phase === 'ended') return;
    const fields = { taskId: entry.task.taskId, error: summarizeError(error).name };
    const warn = (): void => this.#options.logger?.warn(fields, 'nothing could be learned about an approval; trying again');
    callSafely(warn, [], (failure) => publishCallbackError('logging', failure));
    entry.phase = 'waiting';
    const nowMs = this.#actions.now();
    const { status, expiresAtMs } = entry.task;
    if (nowMs < expiresAtMs) {
      // one that its caller redeems never runs by itself
      if (!entry.background) return this.watchDeadline(entry);
      if (status === 'pending' && !this.#push.live) return this.schedule(entry);
    }
    const againMs = nowMs + this.#delay(entry);
    this.#loop.schedule(entry, Math.min(againMs, expiresAtMs));
  }

  #delay(entry: PendingCall): number {
    return pollDelay(entry.polls, { ...this.#options.polling, random: this.#options.random });
  }

  /** What is due: the next poll, the last read, the end, or another try to run. */
  #due(entry: PendingCall): Awaitable<unknown> {
    if (this.#actions.now() >= entry.task.expiresAtMs) return this.#actions.timeout(entry, 'nobody decided in time');
    if (entry.phase !== 'waiting' || !entry.background || this.#questions.has(entry)) return this.watchDeadline(entry);
    if (entry.task.status === 'approved') return this.#actions.execute(entry);
    this.watchDeadline(entry);
    this.#line.enter(entry);
  }

  /** A question whose turn has come may be needless by then. */
  #askInTurn(entry: PendingCall): Awaitable<void> {
    if (entry.phase !== 'waiting' || entry.task.status !== 'pending') return;
    let asked: Awaitable<void> = undefined;
    this.#safely(entry, () => (asked = this.ask(entry)));
    return asked;
  }

  #apply(entry: PendingCall, status: DecisionStatus | undefined): Awaitable<void> {
    if (this.#signal.aborted) return;
    const ending = resolutionOfStatus(entry.task, status);
    if (ending !== undefined) return this.#actions.end(entry, ending);
    return status?.state === 'approved' ? this.#approve(entry, status.by) : this.schedule(entry);
  }

  #approve(entry: PendingCall, approvedBy: string | undefined): Awaitable<void> {
    return chain(this.#actions.approve(entry, approvedBy), () => {
      // what runs is waited for by nobody here: it may take hours
      if (entry.background) this.#safely(entry, () => this.#actions.execute(entry));
    });
  }

  #pushed(answer: unknown): void {
    const status = checkStatus(answer);
    const entry = status === undefined ? undefined : this.#calls.ofDecision(status.decisionId);
    if (status === undefined || entry === undefined) return;
    if (entry.task.status === 'pending') this.#safely(entry, () => this.#apply(entry, status));
    else reportChangeOfMind(entry.task, status);
  }

  #pushEnded(error: unknown): void {
    if (error !== undefined) publishCallbackError('watching the decision service', error);
    for (const entry of this.#calls.all()) {
      if (entry.phase === 'waiting' && entry.task.status === 'pending' && !this.#questions.has(entry))
        this.#safely(entry, () => this.schedule(entry));
    }
  }

  /** Whatever fails about one call, such as its store, is tried again and keeps nothing else from going on. */
  #safely(entry: PendingCall, work: () => Awaitable<unknown>): void {
    const failed = (error: unknown): void => {
      publishCallbackError('following an approval', error);
      if (entry.phase === 'ended' || this.#signal.aborted) return;
      entry.phase = 'waiting';
      this.#loop.schedule(entry, this.#actions.now() + this.#delay(entry));
    };
    attempt<unknown, void>(work, () => undefined, failed);
  }
}
