// `npm test`: builds what is out of date, then runs the type specs and every spec. `npm test -- FILE…` runs those files (or folders) alone; other
// arguments go to mocha, as in `npm test -- spec/approval -g 'expires'`.
import { spawnSync } from 'node:child_process';
import { build } from './built.mjs';
import { compiled, needsOf, specsOrExit } from './specs.mjs';

const { chosen, rest } = specsOrExit(process.argv.slice(2));
const needsLibrary = chosen.length === 0 || chosen.some((file) => needsOf(file).includes('build'));
if (!build(...(needsLibrary ? ['library'] : []), 'specs')) process.exit(1);
if (chosen.length === 0 && rest.length === 0) run('npm', ['run', '-s', 'test:types']);
const specs = chosen.length === 0 ? ['.build/spec/**/*.spec.js'] : chosen.map(compiled);
run(process.execPath, ['node_modules/mocha/bin/mocha.js', ...rest, ...specs]);

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' && command === 'npm' });
  if (status !== 0) process.exit(status ?? 1);
}
