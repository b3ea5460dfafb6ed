import { readHead } from '../../audit/verify/log/LogHeads.js';
import { escapeText } from '../../common/data/escapeText.js';
import { CliError, EXIT, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { withLogs } from './withLogs.js';
import type { OpenLogs } from './withLogs.js';

/** Runs `aegis audit heads`: prints the last checkpoint of each log, as it is, with an empty line between. */
export function printHeads(path: string, io: CliIo): Promise<number> {
  return withLogs(path, (logs) => printed(logs, io));
}

async function printed({ source, writers }: OpenLogs, io: CliIo): Promise<number> {
  const notes: string[] = [];
  for (const writer of writers) {
    let last: string | undefined;
    for await (const note of source.checkpoints(writer)) last = note;
    if (last === undefined) writeLines(io.err, [`aegis: ${writer} has no checkpoint yet, so it has no head`]);
    // what is not a checkpoint could hold anything, and a name of a key could hold what no terminal should get
    else if (readHead(last) === undefined || last.split('\n').some((line) => escapeText(line) !== line))
      throw new CliError(`the last checkpoint of ${writer} cannot be read; npx aegis audit verify says more`);
    else notes.push(last);
  }
  if (notes.length === 0) throw new CliError('there is no checkpoint in any of these logs');
  io.out(notes.join('\n'));
  return EXIT.ok;
}
