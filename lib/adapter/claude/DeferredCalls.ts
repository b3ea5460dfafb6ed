interface Answer {
  readonly reason: Promise<string | undefined>;
  readonly give: (reason: string | undefined) => void;
  given: boolean;
}

const MAX_OPEN = 1_000;

/**
 * Passes the answer of the first of two hooks to the second, while both run concurrently on one call. The second waits for the answer if it comes first, and
 * each answer is delivered once.
 */
export class DeferredCalls {
  readonly #open = new Map<string, Answer>();

  /** Called when the first hook starts: drops an earlier answer on this call that was never received. */
  begin(call: string): void {
    if (this.#open.get(call)?.given === true) this.#open.delete(call);
  }

  /** Records the first hook's answer. @param reason why the call is deferred; undefined where it is not */
  answer(call: string, reason: string | undefined): void {
    const answer = this.#at(call);
    answer.given = true;
    answer.give(reason);
  }

  /** Resolves to the first hook's answer. */
  async receive(call: string): Promise<string | undefined> {
    const answer = this.#at(call);
    const reason = await answer.reason;
    if (this.#open.get(call) === answer) this.#open.delete(call);
    return reason;
  }

  #at(call: string): Answer {
    const found = this.#open.get(call);
    if (found !== undefined) return found;
    let give!: Answer['give'];
    const answer: Answer = { reason: new Promise<string | undefined>((resolve) => (give = resolve)), give, given: false };
    this.#open.set(call, answer);
    // an answer is never received if the second hook was removed from its list
    if (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value as string);
    return answer;
  }
}
