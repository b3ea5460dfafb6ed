import { openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';

/** A terminal: what a person types, and what a person sees. */
export interface Terminal {
  readonly input: Readable & { ref?(): unknown; unref?(): unknown };
  readonly output: Writable;
}

/** Opens the terminal of this process; `undefined` where it has none. */
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
