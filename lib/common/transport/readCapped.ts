import type { Deadline } from './Deadline.js';

/** Why a body could not be read. */
export type BodyProblem = 'too_large' | 'not_utf8';

/** A body was refused. Quotes nothing of it. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
  readonly problem: BodyProblem;

  constructor(problem: BodyProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** Limits of {@link readCapped}. */
export interface ReadCappedOptions {
  /** The most bytes after decompression; beyond it the rest is cancelled unread. */
  readonly maxBytes: number;
  /** Cancels the body when it stops. The caller races against it and decides what is thrown. */
  readonly deadline?: Deadline | undefined;
}

/**
 * Reads a body as UTF-8 text, chunk by chunk, so that a gzip bomb costs one chunk beyond the cap and not its full size. A byte order mark is kept
 * for the parser to refuse. The stream always ends closed, cancelled or failed, never open.
 *
 * @throws BodyError over the cap, or where the bytes are not UTF-8; the stream's own error where the connection fails
 */
export async function readCapped(body: ReadableStream<Uint8Array> | null, options: ReadCappedOptions): Promise<string> {
  if (body === null) return '';
  const reader = body.getReader();
  // the signal given to fetch should do this, but some implementations do not
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  const detach = options.deadline?.whenStopped(cancel);
  let chunks: readonly Uint8Array[] | undefined;
  try {
    chunks = await readChunks(reader, options.maxBytes);
    return decode(chunks);
  } finally {
    detach?.();
    // a stream that was read to its end is already closed
    if (chunks === undefined) cancel();
  }
}

async function readChunks(reader: ReadableStreamDefaultReader<Uint8Array>, maxBytes: number): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    bytes += value.byteLength;
    if (bytes > maxBytes) throw new BodyError('too_large', `larger than ${maxBytes} bytes`);
    chunks.push(value);
  }
}

function decode(chunks: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
  } catch {
    throw new BodyError('not_utf8', 'not UTF-8');
  }
}
