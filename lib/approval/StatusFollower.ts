import { attempt, chain } from '../common/awaitable.js';
import type { Awaitable } from '../common/awaitable.js';
import { DueLoop } from '../common/DueLoop.js';
import { pollDelay } from '../common/pollDelay.js';
import type { DecisionStatus } from '../model/Decision.js';
import { publishCallbackError } from '../model/diagnostics.js';
import type { ApprovalSchedulerOptions } from './ApprovalSchedulerOptions.js';
import { deniedByPerson, timedOut, unbelievable } from './endings.js';
import type { Ending } from './endings.js';
import type { OpenCalls } from './OpenCalls.js';
import type { PendingCall } from './PendingCall.js';
import { PushChannel } from './PushChannel.js';

/** What the follower may have done to a call; the scheduler does it. */
export interface FollowerActions {
  now(): number;
  execute(entry: PendingCall): Awaitable<void>;
  end(entry: PendingCall, ending: Ending): Awaitable<void>;
  timeout(entry: PendingCall, why: string): Promise<unknown>;
}

/** The last status is read this long before an approval ends, in milliseconds, or at half of a shorter one. */
const LAST_READ_MS = 1_000;

/** Learns where approvals stand: from what the service pushes, else by polling. One timer serves them all. */
export class StatusFollower {
  readonly #options: ApprovalSchedulerOptions;
  readonly #calls: OpenCalls;
  readonly #actions: FollowerActions;
  readonly #signal: AbortSignal;
  readonly #loop: DueLoop<PendingCall>;
  readonly #push: PushChannel;

  constructor(options: ApprovalSchedulerOptions, calls: OpenCalls, actions: FollowerActions, signal: AbortSignal) {
    this.#options = options;
    this.#calls = calls;
    this.#actions = actions;
    this.#signal = signal;
    this.#loop = new DueLoop({ now: () => actions.now(), handle: (e) => this.#due(e), maxConcurrent: options.maxConcurrentPolls ?? 64 });
    this.#push = new PushChannel(
      options.decisions,
      (status) => this.#pushed(status),
      (error) => this.#pushEnded(error),
    );
    signal.addEventListener('abort', () => this.#loop.stop(), { once: true });
  }

  /** Listens to what the service pushes, if it does. */
  listen(): void {
    this.#push.start(this.#signal);
  }

  /** Follows a call from now on. A verdict that came before anybody listened is read at once; a polled one after the first delay. */
  follow(entry: PendingCall): void {
    this.listen();
    if (this.#push.live) this.#loop.schedule(entry, this.#actions.now());
    else void this.schedule(entry);
  }

  /** Watches the deadline only. */
  watchDeadline(entry: PendingCall): void {
    this.#loop.schedule(entry, entry.task.expiresAtMs);
  }

  drop(entry: PendingCall): void {
    this.#loop.remove(entry);
  }

  holdProcess(hold: boolean): void {
    this.#loop.holdProcess(hold);
  }

  /** Asks where it stands, now. */
  ask(entry: PendingCall): Awaitable<void> {
    const { decisionId, taskId } = entry.task;
    const { decisions, registry } = this.#options;
    entry.phase = 'busy';
    entry.polls += 1;
    // it may have ended, or have been pushed, while the question was under way
    const ifStillAsked = (then: () => Awaitable<void>): Awaitable<void> => {
      if (entry.phase === 'ended') return;
      entry.phase = 'waiting';
      return then();
    };
    return attempt<DecisionStatus, void>(
      () => chain(registry.countAttempt(taskId), () => decisions.status(decisionId, { signal: this.#signal })),
      (status) => ifStillAsked(() => this.#apply(entry, status)),
      (error) => ifStillAsked(() => this.retry(entry, error)),
    );
  }

  /** Schedules the next poll, the last read before the end, or the end. */
  schedule(entry: PendingCall): Awaitable<void> {
    const { task } = entry;
    const { polling, registry } = this.#options;
    entry.phase = 'waiting';
    const nowMs = this.#actions.now();
    const lastReadMs = task.expiresAtMs - Math.min(LAST_READ_MS, (task.expiresAtMs - task.createdAtMs) / 2);
    const asks = entry.background && (polling.enabled || this.#push.live) && nowMs < lastReadMs;
    if (!asks) return this.#loop.schedule(entry, task.expiresAtMs);
    if (this.#push.live) return this.#loop.schedule(entry, lastReadMs);
    if (entry.polls >= polling.maxAttempts && !registry.durable) {
      return chain(this.#actions.timeout(entry, `it was still undecided after ${entry.polls} polls`), () => undefined);
    }
    this.#loop.schedule(entry, Math.min(nowMs + this.#delay(entry), lastReadMs));
  }

  /** Tries again later: the service could not be asked, or an approved call could not be decided afresh. */
  retry(entry: PendingCall, error: unknown): Awaitable<void> {
    if (this.#signal.aborted) return;
    const fields = { taskId: entry.task.taskId, error: error instanceof Error ? error.name : 'no error' };
    this.#options.logger?.warn(fields, 'the decision service did not answer about an approval');
    entry.phase = 'waiting';
    if (entry.task.status === 'pending' && !this.#push.live) return this.schedule(entry);
    this.#loop.schedule(entry, Math.min(this.#actions.now() + this.#delay(entry), entry.task.expiresAtMs));
  }

  #delay(entry: PendingCall): number {
    return pollDelay(entry.polls, { ...this.#options.polling, random: this.#options.random });
  }

  /** What is due: the next poll, the last read, the end, or another try to run. */
  #due(entry: PendingCall): Awaitable<void> {
    if (entry.phase !== 'waiting') return;
    if (this.#actions.now() >= entry.task.expiresAtMs) {
      return chain(this.#actions.timeout(entry, 'nobody decided in time'), () => undefined);
    }
    return entry.task.status === 'approved' ? this.#actions.execute(entry) : this.ask(entry);
  }

  #apply(entry: PendingCall, status: DecisionStatus | undefined): Awaitable<void> {
    const { task } = entry;
    if (task.status !== 'pending' || this.#signal.aborted) return;
    if (status?.decisionId !== task.decisionId) return this.#actions.end(entry, unbelievable(task, 'it is for another decision'));
    const { state, by, reason } = status;
    switch (state) {
      case 'pending':
        return this.schedule(entry);
      case 'approved':
        return this.#approve(entry, by);
      case 'denied':
        return this.#actions.end(entry, deniedByPerson(task, by, reason));
      case 'expired':
        return this.#actions.end(entry, timedOut(task, 'nobody decided in time'));
      default:
        return this.#actions.end(entry, unbelievable(task, reason));
    }
  }

  #approve(entry: PendingCall, approvedBy: string | undefined): Awaitable<void> {
    return chain(this.#options.registry.transition(entry.task.taskId, ['pending'], { to: 'approved', approvedBy }), (task) => {
      if (task !== undefined && entry.background) return this.#actions.execute(entry);
    });
  }

  #pushed(status: DecisionStatus): void {
    const entry = this.#calls.ofDecision(status.decisionId);
    if (entry?.task.status === 'pending') this.#safely(() => this.#apply(entry, status));
  }

  #pushEnded(error: unknown): void {
    if (error !== undefined) publishCallbackError('watching the decision service', error);
    for (const entry of this.#calls.all()) {
      if (entry.phase === 'waiting' && entry.task.status === 'pending') this.#safely(() => this.schedule(entry));
    }
  }

  #safely(work: () => Awaitable<unknown>): void {
    const failed = (error: unknown): void => publishCallbackError('following an approval', error);
    attempt<unknown, void>(work, () => undefined, failed);
  }
}
