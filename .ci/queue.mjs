// `npm run queue`: installs pg-boss from spec/queue, and puts it where the library looks for it. It wants a newer Node than the library, so that it is
// not among the development dependencies: `npm ci` would warn on the oldest Node. Where node_modules has one already, nothing is done.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, rmSync, symlinkSync } from 'node:fs';

const PLACE = 'node_modules/pg-boss';
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(`pg-boss needs Node 22.12 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}
if (existsSync(PLACE)) process.exit(0);
const { status } = spawnSync('npm', ['ci', '--prefix', 'spec/queue', '--loglevel=error'], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
if (status !== 0) process.exit(status ?? 1);
if (lstatSync(PLACE, { throwIfNoEntry: false }) !== undefined) rmSync(PLACE);
// a junction needs no rights on Windows; the other packages of spec/queue are found from where the link leads
symlinkSync('../spec/queue/node_modules/pg-boss', PLACE, 'junction');
