import type { DecisionStatus } from '../../model/Decision.js';

/** The most approvals that one request may ask about. */
export const MAX_BATCH = 1_000;

interface Question {
  readonly decisionId: string;
  readonly resolve: (status: DecisionStatus) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what is asked within one turn of the event loop into one request: after a lost connection, thousands of approvals are asked about at once. */
export class StatusBatches {
  readonly #ask: (decisionIds: readonly string[], signal: AbortSignal | undefined) => Promise<readonly DecisionStatus[]>;
  /** By what aborts them. */
  readonly #questions = new Map<AbortSignal | undefined, Question[]>();

  /** @param ask gets at most {@link MAX_BATCH} ids, and answers in their order */
  constructor(ask: (decisionIds: readonly string[], signal: AbortSignal | undefined) => Promise<readonly DecisionStatus[]>) {
    this.#ask = ask;
  }

  /** Asks about one approval, with the others of this turn. */
  async status(decisionId: string, signal: AbortSignal | undefined): Promise<DecisionStatus> {
    return new Promise((resolve, reject) => {
      const questions = this.#questions.get(signal) ?? [];
      questions.push({ decisionId, resolve, reject });
      this.#questions.set(signal, questions);
      if (questions.length === 1) setImmediate(() => void this.#send(signal));
    });
  }

  async #send(signal: AbortSignal | undefined): Promise<void> {
    const questions = this.#questions.get(signal) as Question[];
    this.#questions.delete(signal);
    for (let i = 0; i < questions.length; i += MAX_BATCH) {
      const batch = questions.slice(i, i + MAX_BATCH);
      try {
        const ids = batch.map(({ decisionId }) => decisionId);
        const statuses = await this.#ask(ids, signal);
        for (const [n, { resolve }] of batch.entries()) resolve(statuses[n] as DecisionStatus);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
  }
}
