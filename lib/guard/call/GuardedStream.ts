/**
 * The stream of a guarded generator: each piece of its body runs as part of the guarded call, when its consumer asks for it. The body begins when the first
 * piece is asked for, which may be after its call was let in: it is looked at once more then.
 */
export class GuardedStream implements AsyncGenerator {
  readonly #stream: AsyncGenerator;
  readonly #inCall: <T>(fn: () => T) => T;
  readonly #stop: () => Error | undefined;
  #begun = false;
  #onEnd: ((outcome: 'completed' | 'failed') => void) | undefined;

  /**
   * @param inCall runs a function as part of the guarded call
   * @param stop why the body must not begin now
   */
  constructor(stream: AsyncGenerator, inCall: <T>(fn: () => T) => T, stop: () => Error | undefined) {
    this.#stream = stream;
    this.#inCall = inCall;
    this.#stop = stop;
  }

  /** Calls a listener once, when the body has run to its end, was left by its consumer, or threw. */
  onEnd(listener: (outcome: 'completed' | 'failed') => void): void {
    this.#onEnd = listener;
  }

  next(value: unknown): Promise<IteratorResult<unknown>> {
    const stop = this.#begun ? undefined : this.#stop();
    this.#begun = true;
    // a body that has not begun ends without running
    return this.#piece(() => (stop === undefined ? this.#stream.next(value) : this.#stream.throw(stop)));
  }

  return(value: unknown): Promise<IteratorResult<unknown>> {
    return this.#piece(() => this.#stream.return(value));
  }

  throw(error: unknown): Promise<IteratorResult<unknown>> {
    return this.#piece(() => this.#stream.throw(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return(undefined);
  }

  #piece(run: () => Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown>> {
    const piece = this.#inCall(run);
    if (this.#onEnd === undefined) return piece;
    return piece.then(
      (result) => {
        if (result.done === true) this.#ended('completed');
        return result;
      },
      (error: unknown) => {
        this.#ended('failed');
        throw error;
      },
    );
  }

  #ended(outcome: 'completed' | 'failed'): void {
    const listener = this.#onEnd;
    this.#onEnd = undefined;
    listener?.(outcome);
  }
}
