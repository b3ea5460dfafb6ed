// Mutation testing by Stryker, on the parts that decide and enforce: `npm run mutants [-- area …] [--write]`. Takes most of an hour on two
// cores (snapshot 2 minutes, guard 15, policy 25), so it is run by hand. Wants Node 22 or newer and `npm ci`. Works in a copy, and leaves nothing
// but reports/. While specs are written: `npm run mutants -- policy --only lib/policy/longs.ts --only lib/policy/sameValue.ts:20-30`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchPackages } from './runtimes/fetchPackages.mjs';
import { writeTable } from './writeTable.mjs';

const STRYKER = { '@stryker-mutator/core': '10.0.0' };
/** What is mutated, and the specs that have to notice: all of them run for each mutant, so the quick ones come first, up to the one that fails. */
const AREAS = {
  snapshot: {
    mutate: ['lib/model/snapshot/*.ts'],
    specs: specsIn('model/snapshot', 'copyData copyValue takeSnapshot ArgumentList'),
  },
  guard: {
    mutate: ['lib/guard/**/*.ts'],
    specs: specsIn(
      'guard',
      'AegisAgent environment wrapFunction validateParams checkEffectiveParams guardCall guardMetadata checkOptions checkSource guardSync guard',
      'ParamsBinding pendingOutcome openApproval MethodCall buildModule checkOverride decideCall AegisGuard AegisModule callContext PendingCallState',
    ),
  },
  policy: {
    mutate: [
      'lib/policy/{compile,value}/*.ts',
      'lib/policy/engine/{CallEvaluator,verifiedEvaluator,decideEffect,CedarPolicyEngine}.ts',
      'lib/policy/sanitize/applySanitize.ts',
    ],
    specs: specsIn(
      'policy',
      'applySanitize operations StepBudget longs Value readValue EntityGraph decideEffect decideEffectTwoPasses',
      'expression CallEvaluator compiledEvaluator CedarPolicyEngine CedarPolicyEngineParts access collections',
      'logic extensions scope LikePattern sameValueSteps compiledEvaluatorSteps literals',
      'CallerCache verifiedEvaluator wasmEvaluator sameValue toCedar compilePolicy',
    ),
  },
};

const { values, positionals } = parseArgs({
  options: { write: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
  allowPositionals: true,
});
if (values.only !== undefined && values.write) throw new Error('--write takes whole areas only');
const modules = fetchPackages('.ci/runtime-stryker', STRYKER);
mkdirSync('reports', { recursive: true });
const rows = [];
for (const [area, { mutate, specs }] of Object.entries(AREAS)) {
  if (positionals.length > 0 && !positionals.includes(area)) continue;
  const report = `reports/mutants-${area}.json`;
  const mocha = 'node node_modules/mocha/bin/mocha.js --no-config --bail --exit --forbid-only --reporter dot --timeout 5000';
  const config = {
    mutate: values.only ?? mutate,
    // what a message says is not what is held here; the specs that care quote it
    mutator: { excludedMutations: ['StringLiteral'] },
    // found on PATH, where Stryker puts this project's own: node_modules is linked only after the build
    buildCommand: 'tsc -p tsconfig.spec.json --noCheck --noEmitOnError false',
    commandRunner: { command: `${mocha} ${specs.map((spec) => `--spec ${spec}`).join(' ')}` },
    testRunner: 'command',
    plugins: [],
    // its parser stumbles on the type specs, and the build does not check types
    disableTypeChecks: false,
    // its own reader of tsconfig calls an API that TypeScript 7 has not
    tsconfigFile: 'no-such.json',
    concurrency: 2,
    timeoutMS: 15_000,
    reporters: ['progress-append-only', 'json', 'clear-text'],
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
    jsonReporter: { fileName: report },
    ignorePatterns: ['.ci/node-*', '.ci/runtime-*', '.ci/ts-*', '.build*', 'dist', 'reports', 'coverage'],
    tempDirName: '.build-stryker',
  };
  const file = join('reports', `stryker-${area}.json`);
  writeFileSync(file, JSON.stringify(config, null, 2));
  const bin = join(modules, '@stryker-mutator/core/bin/stryker.js');
  const { status } = spawnSync(process.execPath, [bin, 'run', file], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`Stryker ended with ${status}`);
  rows.push([area, ...tally(JSON.parse(readFileSync(report, 'utf8')))]);
}
const table = [['part', 'mutants', 'killed', 'survived', 'share'], ['---', '--:', '--:', '--:', '--:'], ...rows].map(
  (r) => `| ${r.join(' | ')} |`,
);
console.log(`\n${table.join('\n')}`);
if (values.write) await writeTable('docs/assurance.md', 'mutants', [`${new Date().toISOString().slice(0, 10)}.`, '', ...table]);

/** Those that cannot be run, or are marked as equal to the original, count neither way. */
function tally({ files }) {
  const statuses = Object.values(files).flatMap(({ mutants }) => mutants.map(({ status }) => status));
  const count = (...wanted) => statuses.filter((status) => wanted.includes(status)).length;
  const killed = count('Killed', 'Timeout');
  const survived = count('Survived', 'NoCoverage');
  return [killed + survived, killed, survived, `${((100 * killed) / (killed + survived)).toFixed(1)} %`];
}

/** The compiled specs of these names, in this folder or one of its own. A name that has none is an error. */
function specsIn(folder, ...names) {
  const files = readdirSync(`spec/${folder}`, { recursive: true }).map((file) => file.split(sep).join('/'));
  return names
    .flatMap((line) => line.split(' '))
    .map((name) => {
      const found = files.filter((file) => file === `${name}.spec.ts` || file.endsWith(`/${name}.spec.ts`));
      if (found.length === 0) throw new Error(`spec/${folder} has no ${name}.spec.ts`);
      return found;
    })
    .flat()
    .map((file) => `.build/spec/${folder}/${file.replace(/\.ts$/, '.js')}`);
}
