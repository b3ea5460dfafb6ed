// `npm run test:watch [-- FILE… -g words]`: compiles lib/ and spec/ at every change, and runs the specs named; without a name, those of `npm run check`.
// The specs of dist/ see the last `npm run build`.
import { spawn } from 'node:child_process';
import { compiled, needsOf, specFiles, specsOrExit } from './specs.mjs';

const { chosen, rest } = specsOrExit(process.argv.slice(2));
const tsc = spawn(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.spec.json', '--watch', '--preserveWatchOutput'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let running;
let said = '';
tsc.stdout.on('data', (text) => {
  process.stdout.write(text);
  said = (said + text).slice(-2_000);
  const [, errors] = /Found (\d+) errors?\. Watching for file changes/.exec(said) ?? [];
  if (errors === undefined) return;
  said = '';
  if (errors === '0') run();
});
tsc.on('close', (code) => (process.exitCode = code ?? 1));
process.once('SIGINT', () => tsc.kill());

/** What is still running is of an older text. */
function run() {
  running?.kill();
  const specs = chosen.length > 0 ? chosen : specFiles().filter((file) => needsOf(file).length === 0);
  const reporter = chosen.length > 0 ? [] : ['--reporter', 'dot'];
  running = spawn(process.execPath, ['node_modules/mocha/bin/mocha.js', ...reporter, ...rest, ...specs.map(compiled)], {
    stdio: 'inherit',
  });
}
