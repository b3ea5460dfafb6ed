import type { AuditFile } from './AuditFiles.js';
import { placedLines, readLines } from './readLines.js';
import type { LineChunk } from './readLines.js';

/** A checkpoint as it stands in the file: an empty line follows it, so that a torn one can be told. */
export function noteText(note: string): string {
  return `${note.endsWith('\n') ? note : `${note}\n`}\n`;
}

/** A whole checkpoint of a file. */
export interface PlacedNote {
  readonly note: string;
  /** Where it ends, with the empty line after it, in bytes. */
  readonly end: number;
}

const SIGNATURE = '\u{2014} ';
const TAIL = 65_536;

/** Gathers the lines of checkpoints. */
class NoteLines {
  #lines: string[] = [];

  /** Takes whole lines, and gives the checkpoints that end in them. */
  *take(chunk: LineChunk): Generator<PlacedNote> {
    for (const { text, at, bytes } of placedLines(chunk)) {
      if (text !== '' || this.#lines.at(-1)?.startsWith(SIGNATURE) !== true) {
        this.#lines.push(text);
        continue;
      }
      yield { note: `${this.#lines.join('\n')}\n`, end: at + bytes + 1 };
      this.#lines = [];
    }
  }
}

/** The whole checkpoints of a file, in order. */
export async function* readNotes(file: AuditFile): AsyncGenerator<string> {
  const lines = new NoteLines();
  for await (const chunk of readLines(file, 0)) for (const { note } of lines.take(chunk)) yield note;
}

/** The last whole checkpoint of a file, read from its end; `undefined` where there is none. */
export async function lastNote(file: AuditFile, tailBytes: number = TAIL): Promise<PlacedNote | undefined> {
  const size = await file.size();
  for (let bytes = Math.min(tailBytes, size); ; bytes = Math.min(bytes * 4, size)) {
    const lines = new NoteLines();
    const notes: PlacedNote[] = [];
    for await (const chunk of readLines(file, size - bytes)) notes.push(...lines.take(chunk));
    // what the tail begins with may be the end of a note
    if (notes.length > 1 || bytes === size) return notes.at(-1);
  }
}
