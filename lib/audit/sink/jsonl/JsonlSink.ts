import { join } from 'node:path';
import { AegisError } from '../../../model/AegisError.js';
import { StoreError } from '../../../model/errors/ServiceErrors.js';
import type { AuditBatch, AuditSink, OpenLog, Opening } from '../AuditSink.js';
import { checkpointIn } from '../checkpointIn.js';
import { logError } from '../logError.js';
import { openingText } from '../openingText.js';
import { checkedWriterName } from '../writerName.js';
import type { AuditFile, AuditFiles } from './AuditFiles.js';
import { blankOpenings } from './blankOpenings.js';
import { noteText } from './placedNote.js';
import { FolderLock } from './FolderLock.js';
import { folderLayout, segmentsIn } from './folderLayout.js';
import { JsonlSource } from './JsonlSource.js';
import { openLog } from './openLog.js';
import { writeTreeMark } from './treeMark.js';
import type { TreeMark } from './treeMark.js';
import { withFile } from './withFile.js';

/** The files of a log that is open. */
interface OpenFiles {
  readonly writer: string;
  readonly folder: string;
  readonly lock: FolderLock;
  readonly checkpoints: AuditFile;
  records: AuditFile;
  openings: AuditFile;
  /** What is on the disk. */
  end: TreeMark;
}

/** How many places in the files are known, to be kept with the checkpoint of that size. */
const KNOWN_ENDS = 16;

/** The logs of a folder. */
export class JsonlSink implements AuditSink {
  readonly source: JsonlSource;
  readonly #files: AuditFiles;
  readonly #folder: string;
  readonly #segmentBytes: number;
  #open: OpenFiles | undefined;
  #failed = false;
  #ends: readonly TreeMark[] = [];
  #checkpointing: Promise<unknown> = Promise.resolve();

  constructor(folder: string, segmentBytes: number, files: AuditFiles) {
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
    this.#files = files;
    this.source = new JsonlSource(files, folder);
  }

  async open(writer?: string): Promise<OpenLog> {
    if (this.#open !== undefined) throw logError.alreadyOpen(this.#open.writer);
    const asked = writer === undefined ? undefined : checkedWriterName(writer);
    try {
      return await this.#openFirst(asked, 0);
    } catch (error) {
      throw failure('opened', error);
    }
  }

  async append({ lines, openings, tree }: AuditBatch): Promise<void> {
    const open = this.#writable();
    await this.#orNeverAgain(open, async () => {
      if (!(await open.lock.isHeld())) throw logError.takenOver(open.writer);
      if (open.end.bytes >= this.#segmentBytes) await this.#nextSegment(open);
      const records = linesOf(lines);
      // Both at once, in any order: nothing is said to be durable before both are. Records without their openings still verify, and openings without
      // their records are blanked when the log is opened again. A call waits for both, so neither is of one that ran.
      const writes = [written(open.records, records)];
      if (openings.length > 0) writes.push(written(open.openings, linesOf(openings.map(openingText))));
      await allOf(writes);
      open.end = { tree, segment: open.end.segment, bytes: open.end.bytes + records.length };
      this.#ends = [...this.#ends.slice(1 - KNOWN_ENDS), open.end];
    });
  }

  async checkpoint(note: string): Promise<void> {
    const open = this.#writable();
    // one after the other, and beside the batches: they are in another file
    const before = this.#checkpointing;
    this.#checkpointing = this.#orNeverAgain(open, async () => {
      await before.catch(() => {});
      await written(open.checkpoints, Buffer.from(noteText(note)));
      const size = checkpointIn(note)?.size;
      const end = this.#ends.find(({ tree }) => tree.size === size);
      if (end !== undefined) await writeTreeMark(this.#files, open.folder, end);
    });
    await this.#checkpointing;
  }

  async erase(which: (opening: Opening) => boolean): Promise<number> {
    let erased = 0;
    try {
      for (const writer of await this.source.writers()) {
        const folder = join(this.#folder, writer);
        for (const number of await segmentsIn(this.#files, folder, 'openings')) {
          const path = folderLayout.segment(folder, 'openings', number);
          erased += (await withFile(this.#files, path, 'overwrite', (file) => blankOpenings(file, which))).count;
        }
      }
    } catch (error) {
      throw failure('erased', error);
    }
    return erased;
  }

  async close(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    await this.#checkpointing.catch(() => {});
    await closeFiles(open);
    await open.lock.release().catch(() => {});
    this.#failed = false;
    this.#ends = [];
  }

  another(): JsonlSink {
    return new JsonlSink(this.#folder, this.#segmentBytes, this.#files);
  }

  /** Opens the log that was asked for, or the first one that is free. */
  async #openFirst(asked: string | undefined, n: number): Promise<OpenLog> {
    const name = asked ?? `w${n}`;
    const folder = join(this.#folder, name);
    await this.#files.makeFolder(folder);
    const lock = await FolderLock.take(this.#files, folder);
    if (lock !== undefined) return this.#openLocked(name, folder, lock);
    if (asked !== undefined) throw logError.held(asked);
    return this.#openFirst(asked, n + 1);
  }

  async #openLocked(writer: string, folder: string, lock: FolderLock): Promise<OpenLog> {
    const opened: AuditFile[] = [];
    try {
      const { tree, tornBytes, segment, bytes } = await openLog(this.#files, folder, writer);
      for (const path of [
        folderLayout.segment(folder, 'records', segment),
        folderLayout.segment(folder, 'openings', segment),
        folderLayout.checkpoints(folder),
      ])
        opened.push(await this.#files.open(path, 'append'));
      const [records, openings, checkpoints] = opened as [AuditFile, AuditFile, AuditFile];
      // the names of new files and folders, too, have to be on the disk
      await this.#files.syncFolder(folder);
      await this.#files.syncFolder(this.#folder);
      const end = { tree, segment, bytes };
      this.#open = { writer, folder, lock, records, openings, checkpoints, end };
      this.#ends = [end];
      return { writer, tree, tornBytes };
    } catch (error) {
      for (const file of opened) await file.close().catch(() => {});
      await lock.release().catch(() => {});
      throw error;
    }
  }

  async #nextSegment(open: OpenFiles): Promise<void> {
    const segment = open.end.segment + 1;
    // it may be there, and is empty: nothing is written before both names are on the disk
    const openings = await this.#files.open(folderLayout.segment(open.folder, 'openings', segment), 'append');
    const before = [open.records, open.openings];
    open.openings = openings;
    open.records = await this.#files.open(folderLayout.segment(open.folder, 'records', segment), 'segment');
    await this.#files.syncFolder(open.folder);
    open.end = { ...open.end, segment, bytes: 0 };
    for (const file of before) await file.close();
  }

  #writable(): OpenFiles {
    if (this.#open === undefined) throw logError.notOpen();
    if (this.#failed) throw logError.failed();
    return this.#open;
  }

  /** Once anything failed, the files are closed and never written again: what the system then says of them cannot be believed. */
  async #orNeverAgain(open: OpenFiles, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      // of two that were under way, the other one failed: it closed the files
      if (this.#failed) throw new StoreError('Another write of the audit log failed at the same time.');
    } catch (error) {
      if (!this.#failed) {
        this.#failed = true;
        await closeFiles(open);
      }
      throw failure('written', error);
    }
  }
}

async function closeFiles({ records, openings, checkpoints }: OpenFiles): Promise<void> {
  for (const file of [records, openings, checkpoints]) await file.close().catch(() => {});
}

async function written(file: AuditFile, bytes: Uint8Array): Promise<void> {
  await file.write(bytes);
  await file.sync();
}

function linesOf(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** Waits for all, also where one fails: no write is under way after it. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason;
}

/** Names the code of the system, and nothing else of its error: that would quote paths. */
function failure(what: 'opened' | 'written' | 'erased', error: unknown): AegisError {
  if (AegisError.is(error)) return error;
  const { code = 'no code' } = error as NodeJS.ErrnoException;
  return new StoreError(
    `The audit log could not be ${what} (${code}). Check that its disk has space and that this user may write to its folder.`,
    { cause: error },
  );
}
