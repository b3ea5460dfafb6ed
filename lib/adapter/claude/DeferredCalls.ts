interface Answer {
  readonly given: Promise<string | undefined>;
  readonly give: (reason: string | undefined) => void;
  told: boolean;
}

const MAX_OPEN = 1_000;

/**
 * Tells the second of two hooks that run side by side on one call what the first one said. Whichever comes first waits for the other; each answer is heard
 * once.
 */
export class DeferredCalls {
  readonly #open = new Map<string, Answer>();

  /** The first one begins: what it said of this call before, and nobody heard, counts no more. */
  begin(call: string): void {
    if (this.#open.get(call)?.told === true) this.#open.delete(call);
  }

  /** @param reason why the call is deferred; undefined where it is not */
  tell(call: string, reason: string | undefined): void {
    const answer = this.#at(call);
    answer.told = true;
    answer.give(reason);
  }

  async hear(call: string): Promise<string | undefined> {
    const answer = this.#at(call);
    const reason = await answer.given;
    if (this.#open.get(call) === answer) this.#open.delete(call);
    return reason;
  }

  #at(call: string): Answer {
    const found = this.#open.get(call);
    if (found !== undefined) return found;
    let give!: Answer['give'];
    const answer: Answer = { given: new Promise<string | undefined>((resolve) => (give = resolve)), give, told: false };
    this.#open.set(call, answer);
    // answers that nobody hears are of hooks that were taken out of their list
    if (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value as string);
    return answer;
  }
}
