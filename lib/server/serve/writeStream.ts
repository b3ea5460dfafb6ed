import type { Writable } from 'node:stream';

/** How many bytes may wait for a reader; one that is further behind is cut, and comes back for what it missed. */
const MAX_UNSENT = 65_536;

/** How long a reader of a paced answer may read nothing, in milliseconds. */
const STALLED_MS = 30_000;

/**
 * Writes an answer that goes on: each chunk as it comes, until it ends, the client is gone, or it reads too slowly. Never rejects.
 *
 * @param isPaced waits for a reader that is behind, unless it stalls
 */
export async function writeStream(body: AsyncIterable<string>, outgoing: Writable, isPaced = false): Promise<void> {
  try {
    for await (const chunk of body) {
      if (outgoing.destroyed) return;
      outgoing.write(chunk);
      if (outgoing.writableLength <= MAX_UNSENT) continue;
      if (!isPaced) return void outgoing.destroy();
      await drained(outgoing);
    }
    outgoing.end();
  } catch {
    // half an answer must not look like a whole one
    outgoing.destroy();
  }
}

/** Resolves once all of it was taken, or the client is gone. A client that takes nothing for long is cut. */
function drained(outgoing: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      outgoing.off('drain', done).off('close', done);
      resolve();
    };
    const timer = setTimeout(() => outgoing.destroy(), STALLED_MS);
    outgoing.on('drain', done).on('close', done);
  });
}
