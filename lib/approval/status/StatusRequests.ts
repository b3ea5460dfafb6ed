import { attempt } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { DecisionStatus } from '../../model/Decision.js';
import type { PendingCall } from '../call/PendingCall.js';

interface Question {
  readonly decisionId: string;
  answer?: Awaitable<void>;
}

/** What becomes of a question. */
export interface Answers {
  readonly answered: (status: DecisionStatus) => Awaitable<void>;
  readonly failed: (error: unknown) => Awaitable<void>;
}

/** The questions under way, one for each call at most. */
export class Questions {
  readonly #underWay = new Map<PendingCall, Question>();

  has(entry: PendingCall): boolean {
    return this.#underWay.has(entry);
  }

  /** Takes no answer any more. */
  drop(entry: PendingCall): void {
    this.#underWay.delete(entry);
  }

  /** Puts a question about the decision that the call now waits for; whoever asks while it is under way gets its answer. */
  ask(entry: PendingCall, put: () => Awaitable<DecisionStatus>, { answered, failed }: Answers): Awaitable<void> {
    const { decisionId } = entry.task;
    const before = this.#underWay.get(entry);
    if (before?.decisionId === decisionId) return before.answer;
    const question: Question = { decisionId };
    this.#underWay.set(entry, question);
    // it may have ended, have been decided by push or be asked anew by the time the answer is there
    const ifAwaited = (then: () => Awaitable<void>): Awaitable<void> => {
      if (this.#underWay.get(entry) !== question) return;
      this.#underWay.delete(entry);
      if (entry.phase === 'waiting' && entry.task.status === 'pending' && entry.task.decisionId === decisionId) return then();
    };
    question.answer = attempt<DecisionStatus, void>(
      put,
      (status) => ifAwaited(() => answered(status)),
      (error) => ifAwaited(() => failed(error)),
    );
    return question.answer;
  }
}
