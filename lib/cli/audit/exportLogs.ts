import { readdirSync } from 'node:fs';
import type { AuditSource, Opening } from '../../audit/sink/AuditSink.js';
import { jsonlFolder } from '../../audit/sink/jsonl/jsonlFolder.js';
import { CompactTree } from '../../audit/tree/CompactTree.js';
import { OpeningsInOrder } from '../../audit/verify/log/OpeningsInOrder.js';
import { CliError, counted, EXIT, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { withLogs } from './withLogs.js';
import type { OpenLogs } from './withLogs.js';

/** The options of `aegis audit export`. */
export interface ExportFlags {
  readonly withoutOpenings?: boolean | undefined;
}

const AT = /"at":(\d{1,15}),/;

/** Runs `aegis audit export`: copies each line and checkpoint as it is, so that the copy verifies as the logs do. */
export function exportLogs(path: string, folder: string, { withoutOpenings = false }: ExportFlags, io: CliIo): Promise<number> {
  return withLogs(path, (logs) => exported(logs, folder, withoutOpenings, io));
}

async function exported({ source, writers }: OpenLogs, folder: string, withoutOpenings: boolean, io: CliIo): Promise<number> {
  if (entriesOf(folder).length > 0) throw new CliError('the new folder has something in it; name one that is empty or not there yet');
  let [records, openings] = [0, 0];
  for (const writer of writers) {
    const copied = await copyLog(source, writer, folder, withoutOpenings);
    records += copied.records;
    openings += copied.openings;
    if (copied.isTorn) writeLines(io.err, [`aegis: the last line of ${writer} is not finished, and was left out`]);
  }
  const opened = withoutOpenings ? 'without openings' : counted(openings, 'opening');
  writeLines(io.out, [`${counted(writers.length, 'log')}: ${counted(records, 'record')}, ${opened}`]);
  return EXIT.ok;
}

async function copyLog(
  source: AuditSource,
  writer: string,
  folder: string,
  withoutOpenings: boolean,
): Promise<{ readonly records: number; readonly openings: number; readonly isTorn: boolean }> {
  // of a log that is being written, no checkpoint may be about more than was copied
  const notes: string[] = [];
  for await (const note of source.checkpoints(writer)) notes.push(note);
  const left = new OpeningsInOrder(withoutOpenings ? undefined : source.openings(writer));
  const sink = jsonlFolder(folder);
  await sink.open(writer);
  const tree = new CompactTree();
  let [openings, lastAt, isTorn] = [0, 0, false];
  try {
    for await (const lines of source.lines(writer)) {
      if ('torn' in lines) {
        isTorn = true;
        continue;
      }
      const opened: Opening[] = [];
      for (const line of lines) {
        const { opening } = left.hasNone(tree.size) ? { opening: undefined } : await left.find(tree.size);
        if (opening !== undefined) opened.push(opening);
        lastAt = Math.max(lastAt, Number(AT.exec(line)?.[1] ?? 0));
        tree.append(line);
      }
      openings += opened.length;
      if (lines.length > 0) await sink.append({ lines, openings: opened, tree: { ...tree.state(), lastAt } });
    }
    for (const note of notes) await sink.checkpoint(note);
  } finally {
    await left.close();
    await sink.close();
  }
  return { records: tree.size, openings, isTorn };
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new CliError(`the new folder cannot be used (${String(code)})`);
  }
}
