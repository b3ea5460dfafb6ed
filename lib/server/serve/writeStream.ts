import type { Writable } from 'node:stream';

/** How many bytes may wait for a reader; one that is further behind is cut, and comes back for what it missed. */
const MAX_UNSENT = 65_536;

/** Writes an answer that goes on: each chunk as it comes, until it ends, the client is gone, or it reads too slowly. Never rejects. */
export async function writeStream(body: AsyncIterable<string>, outgoing: Writable): Promise<void> {
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
