// `npm run check`: what a change breaks most often, in under a minute: types, lint, layers, and every spec that needs no process, port, database, file
// store or build, and waits for no real time. `npm test` is the whole.
import { spawn } from 'node:child_process';
import { build } from './built.mjs';
import { compiled, needsOf, specFiles } from './specs.mjs';

const started = Date.now();
const TSC = 'node_modules/typescript/bin/tsc';
const specs = specFiles().filter((file) => needsOf(file).length === 0);
if (specs.length === 0) throw new Error('No spec needs nothing: look at SIGNS in .ci/specs.mjs.');

// the type specs are of the sources, like everything else here
let failed = !build('specs');
if (!failed) {
  const [types, format, units] = await Promise.all([
    inOrder([
      [TSC, '-p', 'spec/types'],
      [TSC, '-p', 'spec/types-legacy'],
      [TSC, '-p', 'spec/types-asset'],
      ['node_modules/oxlint/bin/oxlint', '--type-aware', 'lib', 'spec', '--ignore-pattern', 'spec/frameworks/**'],
    ]),
    inOrder([['node_modules/prettier/bin/prettier.cjs', '--check', '--cache', '--log-level', 'warn', '.']]),
    inOrder([['node_modules/mocha/bin/mocha.js', '--forbid-only', ...specs.map(compiled)]]),
  ]);
  failed = !types || !format || !units;
}
console.log(
  `${failed ? 'FAILED' : 'ok'}: types, lint, layers and ${specs.length} of ${specFiles().length} spec files, ${Math.round((Date.now() - started) / 1_000)} s`,
);
process.exitCode = failed ? 1 : 0;

async function inOrder(commands) {
  for (const args of commands) if (!(await run(args))) return false;
  return true;
}

/** Prints what a program said only where it failed, so that programs beside one another are not mixed up. */
function run(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  return new Promise((resolve) => {
    child.on('close', (code) => {
      if (code !== 0) console.error(`\n${args.join(' ').slice(0, 120)}\n${said}`);
      resolve(code === 0);
    });
  });
}
