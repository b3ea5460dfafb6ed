// `npm run flood`: the pages of the inbox while 10,000 approvals wait and 100 more come each second, in a real Chromium; CI runs a fiftieth.
//
//   --volume <n>    1 is the full volume
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { volume: { type: 'string', default: '1' } } });
const mocha = [
  '--no-config',
  '--enable-source-maps',
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
];
const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', ...mocha, '.build/spec/browser/flood.spec.js'], {
  stdio: 'inherit',
  env: { ...process.env, AEGIS_VOLUME: values.volume },
});
process.exitCode = status ?? 1;
