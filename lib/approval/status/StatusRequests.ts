import { attempt, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { DecisionStatus } from '../../model/Decision.js';
import type { PendingCall } from '../call/PendingCall.js';

/** A status request under way. */
export interface StatusRequest {
  readonly decisionId: string;
  answer?: Awaitable<void>;
}

/** What becomes of a status request. */
export interface RequestListeners {
  readonly answered: (status: DecisionStatus) => Awaitable<void>;
  readonly failed: (error: unknown) => Awaitable<void>;
}

/** The status requests under way, one for each call at most. */
export class StatusRequests {
  /** By the call that they are about. */
  readonly underWay: Map<PendingCall, StatusRequest> = new Map();

  has(entry: PendingCall): boolean {
    return this.underWay.has(entry);
  }

  /** Ignores the answer that is under way. */
  drop(entry: PendingCall): void {
    this.underWay.delete(entry);
  }

  /** Sends a request about the decision that the call now waits for. A second one while the first is under way gets its answer. */
  send(entry: PendingCall, send: () => Awaitable<DecisionStatus>, { answered, failed }: RequestListeners): Awaitable<void> {
    const { decisionId } = entry.task;
    const before = this.underWay.get(entry);
    if (before?.decisionId === decisionId) return before.answer;
    const request: StatusRequest = { decisionId };
    this.underWay.set(entry, request);
    // it may have ended, have been decided by push or be asked anew by the time the answer is there
    const ifAwaited = (then: () => Awaitable<void>): Awaitable<void> => {
      if (this.underWay.get(entry) !== request) return;
      this.underWay.delete(entry);
      if (entry.phase === 'waiting' && entry.task.status === 'pending' && entry.task.decisionId === decisionId) return then();
    };
    request.answer = attempt<DecisionStatus, void>(
      send,
      (status) => ifAwaited(() => answered(status)),
      (error) => ifAwaited(() => failed(error)),
    );
    return request.answer;
  }
}

/** Lets a limited number of items be under way at once; the others wait in line. What is done at once never waits. */
export class ConcurrencyLimit<T> {
  readonly #max: number;
  readonly #begin: (item: T) => Awaitable<void>;
  readonly active: Set<T> = new Set();
  readonly waiting: Set<T> = new Set();

  /** @param begin must not throw or reject */
  constructor(max: number, begin: (item: T) => Awaitable<void>) {
    this.#max = max;
    this.#begin = begin;
  }

  /** Begins it now, or when it is its turn. */
  enter(item: T): void {
    if (this.active.has(item)) return;
    if (this.active.size >= this.#max) {
      this.waiting.add(item);
      return;
    }
    const done = this.#begin(item);
    if (!isThenable(done)) return;
    this.active.add(item);
    const ended = (): void => this.leave(item);
    done.then(ended, ended);
  }

  /** Gives its place to the next, even if what it began never ends. */
  leave(item: T): void {
    this.waiting.delete(item);
    if (!this.active.delete(item)) return;
    for (const next of this.waiting) {
      if (this.active.size >= this.#max) return;
      this.waiting.delete(next);
      this.enter(next);
    }
  }
}
