// The API pages, in .build-api/: `npm run docs:api`. A public name, a member or an option without a comment is an error, and so is a link to nothing.
// typedoc needs an older TypeScript than the one that builds, so both are a package of their own, installed when this runs first. What is wrong with a
// type is for the build to say.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

const folder = resolve('.ci/typedoc');
const typedoc = resolve(folder, 'node_modules/typedoc/bin/typedoc');
if (!existsSync(typedoc)) execFileSync('npm', ['ci', '--prefix', folder, '--loglevel=error'], { stdio: 'inherit' });

const pkg = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(pkg.exports).flatMap((target) =>
  typeof target?.types === 'string' ? [target.types.replace('./dist/', 'lib/').replace(/\.d\.ts$/, '.ts')] : [],
);
const args = ['--options', resolve(folder, 'typedoc.json'), ...entries.flatMap((entry) => ['--entryPoints', resolve(entry)])];
rmSync('.build-api', { recursive: true, force: true });
const { status, stdout, stderr } = spawnSync(process.execPath, [typedoc, ...args], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const said = `${stdout}${stderr}`
  .replaceAll(/\u001B\[[\d;]*m/g, '')
  .split('\n')
  .filter((line) => /^\[(?:warning|error)\] (?!Found )/.test(line));
const problems = [...new Set(said.filter((line) => !isDescribedElsewhere(line)))];
for (const problem of problems) console.error(problem);
console.log(`${entries.length} entries in .build-api, ${problems.length} problems`);
if (problems.length > 0 || !existsSync('.build-api/index.html')) process.exit(status || 1);

/** What needs no comment of its own. */
function isDescribedElsewhere(line) {
  const [, name, kind, file] = /^\[warning\] (\S+) \((\w+)\), defined in (\S+), does not have any documentation/.exec(line) ?? [];
  if (name === undefined) return false;
  if (name.includes('.__type')) return true; // a member of an object type without a name: the member that holds it says what it is
  if (/Error\.name$/.test(name)) return true; // as of every Error
  // the shape of a framework's own objects is the framework's to describe
  return /\blib\/adapter\//.test(file) && /Property|Signature/.test(kind) && !/Options\.\w+$/.test(name);
}
