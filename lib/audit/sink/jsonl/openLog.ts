import { isUtf8 } from 'node:buffer';
import type { StoreError } from '../../../model/errors/ServiceErrors.js';
import { CompactTree } from '../../tree/CompactTree.js';
import type { Checkpoint } from '../../tree/checkpoint.js';
import { isAsSealed, lastCheckpointIn } from '../checkpointIn.js';
import { logError } from '../logError.js';
import type { AuditFile, AuditFiles } from './AuditFiles.js';
import { blankOrphans } from './blankOpenings.js';
import { lastNote } from './placedNote.js';
import { folderLayout, segmentsIn } from './folderLayout.js';
import { linesIn, readLines } from './readLines.js';
import { readTreeMark, START } from './treeMark.js';
import type { TreeMark } from './treeMark.js';
import { ifThere, withFile } from './withFile.js';

/** Where an opened log goes on. */
export interface LogEnd extends TreeMark {
  /** How many bytes of a torn last line were cut off. */
  readonly tornBytes: number;
}

/** Where the records are that no checkpoint has: they may not be on the disk, though they can be read. */
interface ReadLog extends LogEnd {
  /** Where they begin in the last segment, in bytes. */
  readonly unsealedAt: number;
}

const PLACE = /^\{"v":\d+,"seq":(\d{1,16}),"at":(\d{1,16}),/;

/**
 * Finds the end of a log that its writer left in order or in the middle of a batch, and puts it in order: a torn last line is cut off. The records are checked
 * against the last checkpoint.
 *
 * @throws StoreError where it is not as its writer left it
 */
export async function openLog(files: AuditFiles, folder: string, writer: string): Promise<LogEnd> {
  const damaged = (what: string): StoreError => logError.damaged(writer, what);
  const segments = await segmentsIn(files, folder, 'records');
  const missing = segments.findIndex((number, i) => number !== i);
  if (missing >= 0) throw damaged(`segment ${missing} of its records is missing`);
  const checkpoint = await cutCheckpoints(files, folder, writer);
  const reading = { files, folder, segments, checkpoint, damaged };
  const mark = await readTreeMark(files, folder);
  const log = (mark && (await readFrom(mark, reading))) ?? (await readFrom(START, reading));
  if (log === undefined) throw damaged('records before its last checkpoint have changed');
  if (log.tree.size < (checkpoint?.size ?? 0))
    throw damaged(`it has ${log.tree.size} records, and its last checkpoint says ${checkpoint?.size}`);
  if (segments.length > 0) await repair(files, folder, log);
  return log;
}

type Damaged = (what: string) => StoreError;

/** The last checkpoint. A torn one at the end of the file is cut off. */
async function cutCheckpoints(files: AuditFiles, folder: string, writer: string): Promise<Checkpoint | undefined> {
  const path = folderLayout.checkpoints(folder);
  return ifThere(
    withFile(files, path, 'overwrite', async (file) => {
      const last = await lastNote(file);
      if ((await file.size()) > (last?.end ?? 0)) {
        await file.truncate(last?.end ?? 0);
        await file.sync();
      }
      return lastCheckpointIn(last?.note, writer);
    }),
    undefined,
  );
}

interface Reading {
  readonly files: AuditFiles;
  readonly folder: string;
  readonly segments: readonly number[];
  readonly checkpoint: Checkpoint | undefined;
  readonly damaged: Damaged;
}

/** Reads the records from a mark on; `undefined` where they do not agree with the last checkpoint, perhaps because the mark is wrong. */
async function readFrom(mark: TreeMark, reading: Reading): Promise<ReadLog | undefined> {
  const { files, folder, segments, checkpoint, damaged } = reading;
  const sealed = checkpoint?.size ?? 0;
  const tree = CompactTree.from(mark.tree);
  let { lastAt } = mark.tree;
  let [segment, bytes, unsealedAt, tornBytes] = [mark.segment, mark.bytes, 0, 0];
  const isBeyond = mark.segment > 0 && mark.segment >= segments.length;
  if (isBeyond || tree.size > sealed || !isAsSealed(tree, checkpoint)) return undefined;
  for (const number of segments.slice(mark.segment)) {
    if (tornBytes > 0) throw damaged(`segment ${segment} of its records ends within a line`);
    const from = number === mark.segment ? mark.bytes : 0;
    [segment, unsealedAt] = [number, from];
    const isRead = await withFile(files, folderLayout.segment(folder, 'records', number), 'read', async (file) => {
      if (from > 0 && !(await endsLine(file, from))) return false;
      const reader = readLines(file, from);
      let next = await reader.next();
      for (; next.done !== true; next = await reader.next()) {
        bytes = next.value.at;
        if (!isUtf8(next.value.bytes)) throw damaged(`segment ${number} of its records has bytes that are not UTF-8`);
        for (const line of linesIn(next.value)) {
          const [, seq, at] = PLACE.exec(line) ?? [];
          if (Number(seq) !== tree.size || (tree.size >= sealed && !isJson(line)))
            throw damaged(`record ${tree.size} cannot be read in segment ${number} of its records`);
          lastAt = Number(at);
          tree.append(line);
          bytes += Buffer.byteLength(line) + 1;
          if (tree.size !== sealed) continue;
          if (!isAsSealed(tree, checkpoint)) return false;
          unsealedAt = bytes;
        }
      }
      [bytes, tornBytes] = [next.value.end, next.value.rest.length];
      return true;
    });
    if (!isRead) return undefined;
  }
  return { tree: { ...tree.state(), lastAt }, segment, bytes, tornBytes, unsealedAt };
}

async function endsLine(file: AuditFile, at: number): Promise<boolean> {
  const byte = Buffer.alloc(1);
  return (await file.read(byte, at - 1)) === 1 && byte.toString('latin1') === '\n';
}

/** A record that no checkpoint has may be one of a page that never reached the disk. */
function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** Cuts off a torn last line, and writes again what no checkpoint has. */
async function repair(files: AuditFiles, folder: string, { tree, segment, bytes, tornBytes, unsealedAt }: ReadLog): Promise<void> {
  await withFile(files, folderLayout.segment(folder, 'records', segment), 'overwrite', async (file) => {
    if (tornBytes > 0) await file.truncate(bytes);
    // where a sync failed, the system may show what is not on the disk, and takes the next sync for done: only what is written again is synced again
    await rewrite(file, unsealedAt, bytes);
    await file.sync();
  });
  const openings = folderLayout.segment(folder, 'openings', segment);
  await ifThere(
    withFile(files, openings, 'overwrite', (file) => blankOrphans(file, tree.size)),
    undefined,
  );
}

const REWRITE_BYTES = 1_048_576;

async function rewrite(file: AuditFile, from: number, to: number): Promise<void> {
  for (let at = from, count = 1; at < to && count > 0; at += count) {
    const bytes = Buffer.alloc(Math.min(REWRITE_BYTES, to - at));
    count = await file.read(bytes, at);
    await file.write(bytes.subarray(0, count), at);
  }
}
