/** How the source ended. */
type End = { readonly kind: 'returned'; readonly value: unknown } | { readonly kind: 'failed'; readonly error: unknown };

/** The one stream that a tool returned, for all duplicate calls that share its run: each reads all parts, from the first on. The tool runs as its readers ask. */
export class SharedStream<T = unknown> {
  readonly #source: AsyncIterator<T, unknown>;
  readonly #parts: T[] = [];
  #end: End | undefined;
  #pulling: Promise<void> | undefined;
  #readers = 0;

  constructor(source: AsyncIterable<T, unknown>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Reads it from its start. Throws what the tool throws, to each reader. */
  async *read(): AsyncGenerator<T, unknown, undefined> {
    this.#readers += 1;
    try {
      let next = 0;
      while (next < this.#parts.length || this.#end === undefined) {
        if (next < this.#parts.length) yield this.#parts[next++] as T;
        else await (this.#pulling ??= this.#pull());
      }
      if (this.#end.kind === 'failed') throw this.#end.error;
      return this.#end.value;
    } finally {
      this.#readers -= 1;
      if (this.#readers === 0) await this.#leave();
    }
  }

  async #pull(): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.#end = { kind: 'returned', value };
      else this.#parts.push(value);
    } catch (error) {
      this.#end = { kind: 'failed', error };
    }
    this.#pulling = undefined;
  }

  /** Ends the tool where its last reader left before the end. */
  async #leave(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#end = { kind: 'failed', error: new Error('The stream of this tool was ended by its other reader before its end.') };
    await this.#source.return?.();
  }
}

/** Makes the stream that a tool returns, or resolves to, one that can be shared; any other result stays as it is. */
export function shareable<R>(result: R): R | SharedStream | Promise<Awaited<R> | SharedStream> {
  if (result instanceof Promise) return result.then((value: Awaited<R>) => shareable(value) as Awaited<R> | SharedStream);
  return isStream(result) ? new SharedStream(result) : result;
}

/** What one of the calls gets of a result that was made {@link shareable}. */
export function ownShare<R>(result: R): R {
  return result instanceof SharedStream ? (result.read() as R) : result;
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  );
}
