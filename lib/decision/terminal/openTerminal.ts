import { openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';

/** A terminal with a person at it. */
export interface Terminal {
  /** What the person types. */
  readonly input: Readable & { ref?(): unknown; unref?(): unknown };
  /** What the person sees. `columns` is its width, by default 80. */
  readonly output: Writable & { readonly columns?: number };
}

/**
 * Opens the terminal of this process.
 *
 * @returns undefined if it has none
 */
export function openTerminal(): Terminal | undefined {
  try {
    const windows = process.platform === 'win32';
    const input = new ReadStream(openSync(windows ? '\\\\.\\CONIN$' : '/dev/tty', 'r+'));
    const output = new WriteStream(openSync(windows ? '\\\\.\\CONOUT$' : '/dev/tty', 'r+'));
    return { input, output };
  } catch {
    return undefined;
  }
}
