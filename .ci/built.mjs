// Builds what is out of date, and nothing else: `node .ci/built.mjs [specs] [samples] [bench]`. The library comes first, always. What a build was
// made of is noted beside it, so that scripts that need one can each ask for it, and it is made once.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const TSC = 'node_modules/typescript/bin/tsc';
const COMMON = ['package.json', 'package-lock.json', 'tsconfig.json'];
const LIBRARY = [...COMMON, 'rollup.config.mjs', 'lib'];
const PARTS = {
  library: { of: LIBRARY, made: 'dist/index.js', make: () => run('npm', ['run', '-s', 'build']) },
  specs: {
    of: [...COMMON, 'tsconfig.spec.json', 'tsconfig.browser.json', 'lib', 'spec'],
    made: '.build/spec',
    // a spec that was renamed would run under its old name too
    // specs of pages know what a browser has, and no others do
    make: () => (
      rmSync('.build/spec', { recursive: true, force: true }),
      compile('tsconfig.spec.json') && compile('tsconfig.browser.json')
    ),
  },
  samples: {
    of: [...LIBRARY, 'tsconfig.samples.json', 'samples'],
    made: '.build/samples',
    make: () => compile('tsconfig.samples.json') && compile('samples/nest-style'),
  },
  bench: {
    of: [...LIBRARY, 'tsconfig.samples.json', 'tsconfig.bench.json', 'bench'],
    made: '.build/bench',
    make: () => compile('tsconfig.bench.json'),
  },
};
const SKIPPED = ['node_modules', '.build', 'frameworks'];

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const parts = process.argv.slice(2);
  const unknown = parts.find((part) => !(part in PARTS));
  if (unknown !== undefined) throw new Error(`There is no part '${unknown}' to build; there are ${Object.keys(PARTS).join(', ')}.`);
  if (!build('library', ...parts.filter((part) => part !== 'library'))) process.exitCode = 1;
}

/** @returns false where a compiler found something to say, which it has then printed */
export function build(...parts) {
  return parts.every((part) => {
    const { of, made, make } = PARTS[part];
    const [stamp, note] = [digest(of), `.build/made/${part}`];
    if (existsSync(made) && existsSync(note) && readFileSync(note, 'utf8') === stamp) return true;
    rmSync(note, { force: true });
    if (!make()) return false;
    mkdirSync('.build/made', { recursive: true });
    writeFileSync(note, stamp);
    return true;
  });
}

function compile(project) {
  return run(process.execPath, [TSC, '-p', project]);
}

function run(command, args) {
  return spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' && command === 'npm' }).status === 0;
}

/** Over names and texts: a time stamp says nothing after a checkout. */
function digest(places) {
  const hash = createHash('sha256').update(process.platform);
  for (const file of places.flatMap(filesIn)) hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

function filesIn(place) {
  if (/\.\w+$/.test(place)) return [place];
  return readdirSync(place, { withFileTypes: true })
    .filter(({ name }) => !SKIPPED.includes(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesIn(join(place, entry.name)) : [join(place, entry.name)]));
}
