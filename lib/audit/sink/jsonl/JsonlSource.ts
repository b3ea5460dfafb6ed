import { join } from 'node:path';
import type { AuditSource, Opening } from '../AuditSink.js';
import { openingIn } from '../openingText.js';
import { storedText, unreadableText } from '../storedText.js';
import { isWriterName } from '../writerName.js';
import type { AuditFile, AuditFiles } from './AuditFiles.js';
import { lastNote, readNotes } from './placedNote.js';
import { folderLayout, segmentsIn } from './folderLayout.js';
import { linesIn, readLines } from './readLines.js';
import { ifThere, withFile } from './withFile.js';

const SEQ = /^\{"v":\d+,"seq":(\d{1,16}),/;

/** Reads the logs of a folder. It takes no lock, so that a log can be read while it is written. */
export class JsonlSource implements AuditSource {
  readonly #files: AuditFiles;
  readonly #folder: string;

  constructor(files: AuditFiles, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  async writers(): Promise<readonly string[]> {
    const names = (await ifThere(this.#files.list(this.#folder), [])).filter(isWriterName).sort();
    // a file may lie among the folders of the logs, such as a public key
    const areLogs = await Promise.all(names.map(async (name) => (await ifThere(this.#segments(name, 'records'), [])).length > 0));
    return names.filter((_, i) => areLogs[i]);
  }

  async *lines(writer: string, from: number = 0): AsyncGenerator<readonly string[] | { readonly torn: string }> {
    const segments = await this.#segments(writer, 'records');
    const [first, before] = await this.#segmentOf(writer, segments, from);
    let skip = from - before;
    for (const number of segments.slice(first)) {
      const file = await this.#files.open(folderLayout.segment(join(this.#folder, writer), 'records', number), 'read');
      try {
        for await (const part of wholeLines(file)) {
          if (!isLines(part)) yield part;
          else if (skip < part.length) yield skip === 0 ? part : part.slice(skip);
          skip = Math.max(0, skip - (isLines(part) ? part.length : 0));
        }
      } finally {
        await file.close();
      }
    }
  }

  async *checkpoints(writer: string): AsyncGenerator<string> {
    const file = await ifThere(this.#files.open(folderLayout.checkpoints(join(this.#folder, writer)), 'read'), undefined);
    try {
      if (file !== undefined) yield* readNotes(file);
    } finally {
      await file?.close();
    }
  }

  async lastCheckpoint(writer: string): Promise<string | undefined> {
    const path = folderLayout.checkpoints(join(this.#folder, writer));
    return (
      await ifThere(
        withFile(this.#files, path, 'read', (file) => lastNote(file)),
        undefined,
      )
    )?.note;
  }

  async *openings(writer: string): AsyncGenerator<Opening> {
    for (const number of await this.#segments(writer, 'openings')) {
      const file = await this.#files.open(folderLayout.segment(join(this.#folder, writer), 'openings', number), 'read');
      try {
        for await (const chunk of readLines(file, 0)) {
          for (const line of linesIn(chunk)) {
            const opening = openingIn(line);
            if (opening !== undefined) yield opening;
          }
        }
      } finally {
        await file.close();
      }
    }
  }

  #segments(writer: string, kind: 'records' | 'openings'): Promise<readonly number[]> {
    return segmentsIn(this.#files, join(this.#folder, writer), kind);
  }

  /** The last segment that begins at or before a position, as its place in the list, and the position at which it begins. */
  async #segmentOf(writer: string, segments: readonly number[], from: number): Promise<readonly [place: number, before: number]> {
    if (from === 0) return [0, 0];
    for (let i = segments.length - 1; i > 0; i--) {
      const path = folderLayout.segment(join(this.#folder, writer), 'records', segments[i] as number);
      const begin = await withFile(this.#files, path, 'read', firstSeq);
      if (begin !== undefined && begin <= from) return [i, begin];
    }
    return [0, 0];
  }
}

/** The position of the first record in a file; `undefined` where it has none yet. */
async function firstSeq(file: AuditFile): Promise<number | undefined> {
  const head = Buffer.alloc(64);
  const match = SEQ.exec(head.toString('latin1', 0, await file.read(head, 0)));
  return match === null ? undefined : Number(match[1]);
}

type Part = readonly string[] | { readonly torn: string };

function isLines(part: Part): part is readonly string[] {
  return Array.isArray(part);
}

/** The lines of a file from a position on, and what follows the last whole one. */
async function* wholeLines(file: AuditFile, from: number = 0): AsyncGenerator<Part> {
  const reader = readLines(file, from);
  let next = await reader.next();
  while (next.done !== true) {
    yield linesIn(next.value);
    next = await reader.next();
  }
  const { end, rest } = next.value;
  // of a line that is being written this moment, more is there by now
  if (rest.length > 0 && (await file.size()) > end + rest.length) yield* wholeLines(file, end);
  else if (rest.length > 0) {
    const text = storedText(rest);
    yield { torn: unreadableText(text) ?? text };
  }
}
