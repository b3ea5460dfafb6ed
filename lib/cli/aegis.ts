#!/usr/bin/env node
import { askAt } from './askAt.js';
import { progressAt } from './progressAt.js';
import { EXIT } from './CliIo.js';
import { runProgram } from './program.js';
import { serve } from './server/serve.js';
import { serveGateway } from './serveGateway.js';
import { withoutSqliteWarning } from './withoutSqliteWarning.js';

const { stdout, stderr } = process;
const out = stdout.write.bind(stdout);
const err = stderr.write.bind(stderr);

withoutSqliteWarning(process);
let isDone = false;
process.on('exit', () => {
  if (isDone) return;
  // a loaded module may end the process, and then the command has not succeeded
  process.exitCode = EXIT.failed;
  err('aegis: the process ended before the command had finished\n');
});
process.on('uncaughtException', () => {
  isDone = true;
  err('aegis: an error was thrown outside of the command\n');
  process.exit(EXIT.failed);
});

const beforeForeignCode = (): void => {
  stdout.write = err;
};
const ask = askAt(process.stdin, stdout);
const progress = progressAt(stderr);
const code = await runProgram(process.argv.slice(2), { out, err, beforeForeignCode, progress, ask }, { serveGateway, serve });
isDone = true;
// open handles of a loaded module must not delay the exit
out('', () => process.exit(code));
