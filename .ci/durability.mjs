// `npm run durability`: spec/durability at full volume: 500 processes and more killed at random on each store, every order of events, 640,000 claims.
// `--volume 0.1` runs a tenth of it, which is what CI does. Wants Node 22.13, and `npm run queue` for the specs of Postgres. `npm run chaos` goes on
// with 10,000 kills on SQLite.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { volume: { type: 'string', default: '1' } } });
const mocha = [
  '--no-config',
  '--node-option',
  'enable-source-maps',
  '--reporter',
  './spec/support/reporter.mjs',
  '--require',
  './spec/support/patience.mjs',
  '--require',
  './spec/support/rejections.mjs',
  '--require',
  './spec/support/lazyParts.mjs',
  '--timeout',
  '20000',
  '--forbid-only',
];
const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', ...mocha, '.build/spec/durability/**/*.spec.js'], {
  stdio: 'inherit',
  env: { ...process.env, AEGIS_VOLUME: values.volume },
});
process.exitCode = status ?? 1;
