import { readHead } from '../../audit/verify/log/LogHeads.js';
import { CliError, EXIT, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { openLogs } from './openLogs.js';

/** Runs `aegis audit heads`: prints the last checkpoint of each log, as it is, with an empty line between. */
export async function printHeads(path: string, io: CliIo): Promise<number> {
  const { source, writers } = await openLogs(path);
  const notes: string[] = [];
  for (const writer of writers) {
    let last: string | undefined;
    if (source.lastCheckpoint !== undefined) last = await source.lastCheckpoint(writer);
    else for await (const note of source.checkpoints(writer)) last = note;
    if (last === undefined) writeLines(io.err, [`aegis: ${writer} has no checkpoint yet, so it has no head`]);
    // what is not a checkpoint could hold anything
    else if (readHead(last) === undefined)
      throw new CliError(`the last checkpoint of ${writer} cannot be read; npx aegis audit verify says more`);
    else notes.push(last);
  }
  if (notes.length === 0) throw new CliError('there is no checkpoint in any of these logs');
  io.out(notes.join('\n'));
  return EXIT.ok;
}
