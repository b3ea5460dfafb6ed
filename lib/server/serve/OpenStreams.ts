import type { Writable } from 'node:stream';

/** How many bytes may wait for a reader; one that is further behind is cut, and comes back for what it missed. */
const MAX_UNSENT = 65_536;

/** Answers that go on: each chunk is written as it comes, until it ends, the client is gone, or it reads too slowly. */
export class OpenStreams {
  readonly #open = new Set<Promise<void>>();

  /** How many there are. */
  get size(): number {
    return this.#open.size;
  }

  /** Writes an answer to a connection. */
  write(body: AsyncIterable<string>, outgoing: Writable): void {
    const written = this.#write(body, outgoing);
    this.#open.add(written);
    void written.then(() => this.#open.delete(written));
  }

  /** Settles when all that are open now have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #write(body: AsyncIterable<string>, outgoing: Writable): Promise<void> {
    try {
      for await (const chunk of body) {
        if (outgoing.destroyed) return;
        outgoing.write(chunk);
        if (outgoing.writableLength > MAX_UNSENT) return void outgoing.destroy();
      }
      outgoing.end();
    } catch {
      // half an answer must not look like a whole one
      outgoing.destroy();
    }
  }
}
