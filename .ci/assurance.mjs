// `npm run assurance`: runs spec/assurance at full volume, prints its counts as one table, and writes them to assurance.json. Fails on a count that
// is not zero. `--volume 10` runs ten times as many cases; `--write` puts the table into docs/assurance.md; `--beyond-suite` leaves out the specs that
// `npm test` runs just as they are here, whose counts it prints.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeTable } from './writeTable.mjs';

/** Those that only this runs at full volume, and those of the suite that count too. */
const SPECS = [
  'assurance/**/*',
  'approval/interleavings',
  'approval/storeFaults',
  'common/transport/resilience',
  'policy/hostileData',
  'model/personId',
  'policy/live/findLoosened',
  'policy/live/replacedPolicies',
  'store/SignedApprovalStore',
  'store/sqlite/lostHistory',
  'policy/nulls',
  'adapter/claude/aegisHooks',
  'cli/init',
  'cli/initProject',
  'guard/decideOnly',
  'port/complete',
  'policy/sanitize/maskEmails',
  'common/transport/loopback',
  'common/data/reveal',
  'guard/hiddenGuards',
  'options',
  'server/serve/hostileLoad',
];

const { values } = parseArgs({
  options: {
    volume: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    'beyond-suite': { type: 'boolean', default: false },
  },
});
const takesVolume = (spec) => spec.includes('*') || /\bvolume\(/.test(readFileSync(`spec/${spec}.spec.ts`, 'utf8'));
const specs = values['beyond-suite'] ? SPECS.filter(takesVolume) : SPECS;
const folder = mkdtempSync(join(tmpdir(), 'aegis-assurance-'));
const file = join(folder, 'counts.jsonl');

const mocha = [
  '--no-config',
  '--node-option',
  'enable-source-maps',
  '--reporter',
  'spec/support/reporter.mjs',
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
const jobs = Math.min(2, availableParallelism());
if (jobs > 1) mocha.push('--parallel', '--jobs', String(jobs));
const { status } = spawnSync(
  process.execPath,
  ['node_modules/mocha/bin/mocha.js', ...mocha, ...specs.flatMap((spec) => ['--spec', `.build/spec/${spec}.spec.js`])],
  {
    stdio: 'inherit',
    env: { ...process.env, AEGIS_ASSURANCE: file, AEGIS_VOLUME: values.volume },
  },
);

const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
const counts = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
rmSync(folder, { recursive: true });
counts.sort((a, b) => (a.what < b.what ? -1 : 1));

const number = (value) => (typeof value === 'number' ? value.toLocaleString('en') : value);
const rows = counts.map(({ what, cases, wrong, beside = {} }) => [
  what,
  number(cases),
  number(wrong),
  Object.entries(beside)
    .map(([name, value]) => `${name}: ${number(value)}`)
    .join('; '),
]);
const run = `Node ${process.version.slice(1)}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, volume ${values.volume}, ${new Date().toISOString().slice(0, 10)}.`;
const table = [['what was tried', 'cases', 'wrong', 'beside it'], ['---', '--:', '--:', '---'], ...rows].map((r) => `| ${r.join(' | ')} |`);
console.log(`\n${table.join('\n')}\n\n${run}`);
writeFileSync('assurance.json', `${JSON.stringify({ run, counts }, null, 2)}\n`);
if (values.write) await writeTable('docs/assurance.md', 'assurance', [run, '', ...table]);

const wrong = counts.filter((count) => count.wrong !== 0);
for (const { what, wrong: many } of wrong) console.error(`not zero: ${what}: ${many}`);
process.exitCode = status !== 0 || wrong.length > 0 || counts.length === 0 ? 1 : 0;
