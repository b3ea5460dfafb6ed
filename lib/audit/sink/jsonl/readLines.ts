import { isUtf8 } from 'node:buffer';
import { storedText } from '../storedText.js';
import type { AuditFile } from './AuditFiles.js';

/** Whole lines that were read together. */
export interface LineChunk {
  /** Without the end of the last line. */
  readonly bytes: Buffer;
  /** Where they begin in the file. */
  readonly at: number;
}

/** What comes after the last whole line. */
export interface LineRest {
  /** Where the last whole line ended. */
  readonly end: number;
  readonly rest: Buffer;
}

const [FIRST_CHUNK, CHUNK] = [16_384, 1_048_576];
const LINE_END = 0x0a;

/** Reads the whole lines of a file from a position on, and returns what follows them. */
export async function* readLines(file: AuditFile, from: number): AsyncGenerator<LineChunk, LineRest> {
  let rest: Buffer = Buffer.alloc(0);
  let end = from;
  let size = FIRST_CHUNK;
  for (;;) {
    const into = Buffer.allocUnsafe(rest.length + size);
    rest.copy(into);
    const count = await file.read(into.subarray(rest.length), end + rest.length);
    if (count === 0) return { end, rest };
    const read = into.subarray(0, rest.length + count);
    const last = read.lastIndexOf(LINE_END);
    rest = read.subarray(last + 1);
    // a line that is longer than a chunk is not copied again and again
    size = last < 0 ? size * 2 : Math.min(size * 2, CHUNK);
    if (last < 0) continue;
    yield { bytes: read.subarray(0, last), at: end };
    end += last + 1;
  }
}

/** The lines of a chunk, each with where it begins. */
export function* placedLines({ bytes, at }: LineChunk): Generator<{ readonly text: string; readonly at: number; readonly bytes: number }> {
  for (let start = 0; start <= bytes.length;) {
    const found = bytes.indexOf(LINE_END, start);
    const end = found < 0 ? bytes.length : found;
    yield { text: storedText(bytes.subarray(start, end)), at: at + start, bytes: end - start };
    start = end + 1;
  }
}

/** The lines of a chunk. */
export function linesIn(chunk: LineChunk): readonly string[] {
  return isUtf8(chunk.bytes) ? chunk.bytes.toString('utf8').split('\n') : [...placedLines(chunk)].map(({ text }) => text);
}
