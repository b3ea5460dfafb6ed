// Packs the library, looks at what is in the tarball, installs it in an empty folder as a stranger would, and loads and compiles
// every public entry there. Wants a built dist/.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix, resolve } from 'node:path';
import { installPacked, npm, npmTwice, pack, pkg } from './pack.mjs';

const room = mkdtempSync(join(tmpdir(), 'aegis-consumer-'));
const elsewhere = mkdtempSync(join(tmpdir(), 'aegis-first-'));

/** The whole tarball, and nothing else: a new kind of file must be let in here on purpose. */
const ALLOWED = [
  /^package\.json$/,
  /^(README|ARCHITECTURE|CHANGELOG|CONTRIBUTING|SECURITY)\.md$/,
  /^docs\/([\w-]+\/)?[\w-]+\.md$/,
  /^docs\/openapi\.json$/,
  /^docs\/images\/[\w-]+\.jpg$/,
  /^deploy\/(Dockerfile|aegis\.service|alerts\.yaml|compose\.yaml|grafana\/aegis\.json)$/,
  /^samples\/([\w-]+\/){0,2}[\w.-]+\.(ts|cedar)$/,
  /^spec\/frameworks\/samples\/[\w.-]+\.ts$/,
  /^samples\/nest-style\/tsconfig\.json$/,
  /^LICENSE$/,
  /^dist\/[\w/-]+\.(js|d\.ts)(\.map)?$/,
  /^dist\/[\w/-]+\.(css|html|cedar|cedarschema|sql)$/,
  /^lib\/[\w/-]+\.(ts|css|html|cedar|cedarschema|sql)$/,
  // the scripts of pages, which browsers get as they are
  /^lib\/server\/asset\/[\w-]+\.js$/,
];
const REQUIRED = [
  'package.json',
  'LICENSE',
  'CHANGELOG.md',
  'SECURITY.md',
  'README.md',
  'docs/guide.md',
  'samples/quickstart.ts',
  'docs/openapi.json',
  'deploy/Dockerfile',
  'dist/index.js',
  'dist/index.d.ts',
  'lib/index.ts',
];

try {
  const packed = pack(room);
  inspect(packed);
  installPacked(room, packed.tarball);
  const loaded = load();
  compile(loaded);
  start(packed.tarball);
} finally {
  for (const folder of [room, elsewhere]) rmSync(folder, { recursive: true, force: true });
}

/** What a stranger does first: an empty folder, `npm install`, `npx aegis init --yes`, and what this says to run next. */
function start(tarball) {
  // not in a folder below a package.json, which npm would install into
  const folder = join(elsewhere, 'first');
  mkdirSync(folder);
  const run = (...args) => execFileSync('npx', ['--no', '--', ...args], { cwd: folder, encoding: 'utf8' }).trim();
  npmTwice(['install', '--no-audit', '--no-fund', '--prefer-offline', '--omit=peer', '--loglevel=error', tarball], folder);
  run('aegis', 'init', '--yes');
  npmTwice(['install', '--no-audit', '--no-fund', '--prefer-offline', '--omit=peer', '--loglevel=error'], folder);
  run('tsc', '--noEmit');
  const said = npm(['run', '-s', 'agent'], folder).trim().split('\n');
  if (said.length !== 4 || said[0] !== 'refunded 19.99 for order-1')
    throw new Error(`aegis init made a program that says: ${said.join(' | ')}`);
  console.log(`aegis init: ${npm(['test', '-s'], folder).trim().split('\n').at(-1)}`);
}

function inspect({ paths, size }) {
  const strangers = paths.filter((p) => !ALLOWED.some((a) => a.test(p)));
  if (strangers.length > 0) throw new Error(`not allowed in the tarball: ${strangers.join(', ')}`);
  const missing = REQUIRED.filter((p) => !paths.includes(p));
  if (missing.length > 0) throw new Error(`missing in the tarball: ${missing.join(', ')}`);
  const targets = Object.values(pkg.exports).flatMap((e) => (typeof e === 'object' && e !== null ? Object.values(e) : [e]));
  const nowhere = [...targets, ...Object.values(pkg.bin ?? {})].filter(
    (t) => typeof t === 'string' && !t.includes('*') && !paths.includes(posix.normalize(t)),
  );
  if (nowhere.length > 0) throw new Error(`package.json points at files that are not packed: ${nowhere.join(', ')}`);
  paths.filter((p) => p.endsWith('.map')).forEach(checkMap);
  paths.filter((p) => p.endsWith('.d.ts')).forEach(checkDeclarations);
  console.log(`${paths.length} files, ${Math.round(size / 1024)} kB packed`);
}

/** A map may name our own sources, relatively, and hold the text of those alone. */
function checkMap(path) {
  const map = JSON.parse(readFileSync(path, 'utf8'));
  for (const [i, source] of map.sources.entries()) {
    const at = posix.normalize(posix.join(posix.dirname(path), map.sourceRoot ?? '', source));
    if (!at.startsWith('lib/')) throw new Error(`${path} names ${source}`);
    const text = map.sourcesContent?.[i];
    if (text != null && text !== readFileSync(at, 'utf8')) throw new Error(`${path} holds another text of ${at}: build again`);
  }
}

/** What is @internal is stripped; were it left, users would build on it. */
function checkDeclarations(path) {
  const text = readFileSync(path, 'utf8');
  if (/@internal\b/.test(text)) throw new Error(`${path} still holds something @internal`);
}

/** Loads each entry by import and by require(); gives back those that need nothing which is not installed here. */
function load() {
  const loaded = [];
  for (const entry of subpaths()) {
    const program = `
      const { createRequire } = require('node:module');
      import(${JSON.stringify(entry)}).then(
        (m) => {
          if (require(${JSON.stringify(entry)}) !== m) throw new Error('require() gives another module');
          console.log(Object.keys(m).length + ' values');
        }).catch((e) => { console.log(e.code + ' ' + e.message.split('\\n')[0]); process.exitCode = optional(e) ? 0 : 1; });
      function optional(e) {
        if (e.code === 'ERR_UNKNOWN_BUILTIN_MODULE') return true;
        const names = ${JSON.stringify(Object.keys(pkg.peerDependencies ?? {}))};
        return /MODULE_NOT_FOUND/.test(e.code) && names.some((n) => e.message.includes("'" + n));
      }`;
    const child = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', program], { cwd: room, encoding: 'utf8' });
    const said = child.stdout.trim();
    console.log(`${entry}: ${said}${child.stderr}`);
    if (child.status !== 0) throw new Error(`${entry} cannot be loaded by a stranger`);
    if (said.endsWith('values')) loaded.push(entry);
  }
  if (!loaded.includes(pkg.name)) throw new Error('the main entry does not load');
  return loaded;
}

function subpaths() {
  return Object.entries(pkg.exports).flatMap(([subpath, target]) => {
    const file = target?.default;
    if (file === undefined) return [];
    const name = posix.join(pkg.name, subpath);
    if (!file.includes('*')) return [name];
    const [before, after] = posix.basename(file).split('*');
    return readdirSync(posix.dirname(file))
      .filter((f) => f.startsWith(before) && f.endsWith(after))
      .map((f) => name.replace('*', f.slice(before.length, -after.length)));
  });
}

/** The declarations stand on their own: no skipLibCheck, from an ES module and from a CommonJS one, with every compiler there is. */
function compile(entries) {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [resolve('node_modules/@types')],
  };
  mkdirSync(join(room, 'src'));
  writeFileSync(join(room, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  writeFileSync(join(room, 'src/a.mts'), entries.map((e, i) => `import * as m${i} from '${e}';\nvoid m${i};\n`).join(''));
  writeFileSync(join(room, 'src/b.cts'), `import m = require('${pkg.name}');\nvoid m;\n`);
  for (const root of ['.', '.ci/ts-59', '.ci/ts-60']) {
    const tsc = resolve(root, 'node_modules/typescript/bin/tsc');
    try {
      readFileSync(tsc);
    } catch {
      continue;
    }
    execFileSync(process.execPath, [tsc, '-p', room], { cwd: room, stdio: ['ignore', 'inherit', 'inherit'] });
    const { version } = JSON.parse(readFileSync(resolve(root, 'node_modules/typescript/package.json'), 'utf8'));
    console.log(`declarations compile with TypeScript ${version}`);
  }
}
