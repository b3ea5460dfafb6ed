// The API report: every exported name with its full declaration, one file in etc/ for each entry of package.json. Read from the declarations of the
// built package, so that it is the same on every Node, whatever optional package is installed. Comments are left out: they change more often.
//
//   node .ci/api.mjs           fails where etc/ is not what was built; spec/package.spec.ts runs it
//   node .ci/api.mjs --write   renews etc/
//   node .ci/api.mjs --names   prints the names alone, by entry
//   node .ci/api.mjs --hidden  prints what signatures name and no entry exports, although its own file does
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { entriesOf, exportsOf, namedBy, textOf } from './declarations.mjs';

const FOLDER = 'etc';
const pkg = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = entriesOf(pkg).map(({ name, file }) => ({ name, names: [...exportsOf(file)].sort(([a], [b]) => (a < b ? -1 : 1)) }));
const mode = process.argv[2];

if (mode === '--names') process.stdout.write(names());
else if (mode === '--hidden') process.stdout.write(hiddenNames());
else if (mode === '--write') write(reports());
else check(reports());

function names() {
  const lines = entries.flatMap(({ name, names }) => ['', name, ...names.map(([n, { isType }]) => `  ${isType ? 'type ' : ''}${n}`)]);
  return `${lines.join('\n').trimStart()}\n`;
}

/** Types and base classes that have a file's export and no entry's. What a file keeps to itself is how its types are computed. */
function hiddenNames() {
  const homes = new Map(entries.flatMap(({ name, names }) => names.map(([, { key }]) => [key, name])));
  return hidden(homes)
    .filter(({ file, name }) => exportsOf(file).has(name))
    .map(({ name }) => `${name}\n`)
    .join('');
}

/** File name to text. What several entries export is written out in the first one. */
function reports() {
  const homes = new Map();
  const found = new Map();
  for (const { name: entry, names } of entries) {
    const parts = names.map(([name, declaration]) => {
      const home = homes.get(declaration.key) ?? entry;
      homes.set(declaration.key, home);
      return home === entry ? `export ${textOf(declaration)}` : `export ${declaration.isType ? 'type ' : ''}{ ${name} } from '${home}';`;
    });
    found.set(fileOf(entry), report(`What '${entry}' exports.`, parts));
  }
  const behind = hidden(homes).map(
    (declaration) => `// ${declaration.file.replace('.d.ts', '').replace('dist/', 'lib/')}\n${textOf(declaration)}`,
  );
  found.set('not-exported.api.ts', report('What exported declarations are made of, and no entry exports.', behind));
  return found;
}

/** Every declaration that is reached from the exported ones and is not exported, in the order of files and names. */
function hidden(homes) {
  const found = new Map();
  const queue = entries.flatMap(({ names }) => names.map(([, declaration]) => declaration));
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    for (const named of namedBy(next)) {
      if (homes.has(named.key) || found.has(named.key)) continue;
      found.set(named.key, named);
      queue.push(named);
    }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function fileOf(entry) {
  return `${entry.replace(`${pkg.name}/`, '').replaceAll('/', '-')}.api.ts`;
}

function report(title, parts) {
  return `// ${title} Written by npm run api:update; review what changes here.\n\n${parts.join('\n\n')}\n`;
}

function write(found) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  for (const [file, text] of found) writeFileSync(join(FOLDER, file), text);
}

function check(found) {
  const there = existsSync(FOLDER) ? readdirSync(FOLDER) : [];
  const stale = [...new Set([...there, ...found.keys()])]
    .filter((file) => !there.includes(file) || textIn(file) !== found.get(file))
    .sort();
  for (const file of stale) console.error(`${FOLDER}/${file} is not what is built${firstDifference(file, found.get(file))}`);
  if (stale.length === 0) return;
  console.error('If the change is meant: npm run api:update');
  process.exitCode = 1;
}

function textIn(file) {
  return readFileSync(join(FOLDER, file), 'utf8').replaceAll('\r\n', '\n');
}

function firstDifference(file, text = '') {
  const [was, is] = [existsSync(join(FOLDER, file)) ? textIn(file).split('\n') : [], text.split('\n')];
  const line = is.findIndex((l, i) => l !== was[i]);
  return line < 0 ? '' : `: line ${line + 1} is\n  ${was[line] ?? '(nothing)'}\nand should be\n  ${is[line]}`;
}
