#!/usr/bin/env node
import { EXIT } from './exitCodes.js';
import { runProgram } from './program.js';
import { serveGateway } from './serveGateway.js';

const { stdout, stderr } = process;
const out = stdout.write.bind(stdout);
const err = stderr.write.bind(stderr);

let isDone = false;
process.on('exit', () => {
  if (isDone) return;
  // a module that is looked at may end the process: what was not finished is no success
  process.exitCode = EXIT.failed;
  err('aegis: the process ended before the command did\n');
});
process.on('uncaughtException', () => {
  isDone = true;
  err('aegis: something failed outside of the command\n');
  process.exit(EXIT.failed);
});

const beforeForeignCode = (): void => {
  stdout.write = err;
};
const code = await runProgram(process.argv.slice(2), { out, err, beforeForeignCode }, { runGateway: serveGateway });
isDone = true;
// what a module has left open must not hold the answer back
out('', () => process.exit(code));
