// tsc (native TypeScript 7) has already written .build/lib/**/*.js with maps, and dist/**/*.d.ts.
// Rollup only bundles: one file for each entry of package.json "exports" and "bin", shared code in chunks, dependencies external.
// A pattern ("./adapter/*") stands for every file of its folder, so that a new adapter needs no edit of any list.
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { readFile } from 'node:fs/promises';
import { posix, relative, resolve, sep } from 'node:path';

const built = '.build/lib';
const pkg = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));

/** Files that are found by their place beside another one, not by an import. */
const besides = ['policy/lint/lintPolicies', 'policy/lint/worker', 'policy/live/parseInThread', 'policy/live/policyThread'].filter((e) =>
  existsSync(`${built}/${e}.js`),
);

/** Files that read others beside them. They are in a chunk of another place. */
const readers = ['server/asset/assets'];
/** What they read: copied as it is, beside each build of them. */
const assets = 'server/asset';

/** './dist/adapter/*.js' -> ['adapter/mcp', ...]; './dist/index.js' -> ['index']; anything that is not ours -> []. */
function entriesOf(target) {
  const [, entry] = /^\.\/dist\/(.+)\.js$/.exec(target ?? '') ?? [];
  if (entry === undefined) return [];
  if (!entry.includes('*')) return [entry];
  const folder = posix.dirname(entry);
  const [before, after] = posix.basename(entry).split('*');
  return readdirSync(`${built}/${folder}`)
    .filter((f) => f.endsWith('.js') && f.startsWith(before) && f.endsWith(`${after}.js`))
    .map((f) => `${folder}/${f.slice(0, -'.js'.length)}`);
}

const targets = [...Object.values(pkg.exports).map((e) => e?.default ?? e), ...Object.values(pkg.bin ?? {})];
const entries = new Set([...targets.filter((t) => typeof t === 'string').flatMap(entriesOf), ...besides]);
/** Found at run time, never imported. The server's chunk of prom-client has one of its own in it. */
const found = ['@opentelemetry/api'];
const outside = Object.keys({ ...pkg.dependencies, ...pkg.peerDependencies }).filter((name) => !found.includes(name));

/** Hands rollup the map that tsc wrote beside each file, so that dist/x.js.map points at lib/x.ts. */
const tscMaps = {
  name: 'tsc-maps',
  async load(id) {
    if (!id.endsWith('.js')) return null;
    const map = await readFile(`${id}.map`, 'utf8').catch(() => null);
    if (map === null) return null;
    return { code: (await readFile(id, 'utf8')).replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'), map };
  },
};

/** The style sheet and the scripts of pages: no compiler touches them. */
const copiedAssets = {
  name: 'copied-assets',
  writeBundle() {
    for (const file of readdirSync(`lib/${assets}`).filter((name) => !name.endsWith('.ts')))
      for (const place of [built, 'dist']) {
        mkdirSync(`${place}/${assets}`, { recursive: true });
        copyFileSync(`lib/${assets}/${file}`, `${place}/${assets}/${file}`);
      }
  },
};

/** `import.meta.url` keeps naming the file's own place when its code moves to a chunk: `new URL('./worker.js', …)` finds the worker. */
const ownPlace = {
  name: 'own-place',
  resolveImportMeta(property, { chunkId, moduleId }) {
    const home = relative(built, moduleId).split(sep).join('/');
    if (property !== 'url' || home === chunkId || ![...besides, ...readers].includes(home.replace(/\.js$/, ''))) return null;
    return `new URL(${JSON.stringify(posix.relative(posix.dirname(chunkId), home))}, import.meta.url).href`;
  },
};

/**
 * Development dependencies that are bundled, each into a chunk of its own with the packages that it needs: the command line's parser, and what the server
 * loads for metrics, its OpenAPI document and its pages. Only files of that folder may import them.
 */
const BUNDLES = [
  { name: 'commander', packages: ['commander'], folder: 'cli' },
  { name: 'prom-client', packages: ['prom-client', 'tdigest', 'bintrees', '@opentelemetry/api'], folder: 'server' },
  { name: 'to-json-schema', packages: ['@valibot/to-json-schema'], folder: 'server' },
  { name: 'hono', packages: ['hono'], folder: 'server' },
  {
    name: 'simplewebauthn',
    packages: [
      '@simplewebauthn/server',
      '@hexagon/base64',
      '@levischuck/tiny-cbor',
      ...[
        'android',
        'asym-key',
        'cms',
        'csr',
        'ecc',
        'pfx',
        'pkcs8',
        'pkcs9',
        'rsa',
        'schema',
        'x509',
        'x509-attr',
        'x509-post-quantum',
      ].map((part) => `@peculiar/asn1-${part}`),
      '@peculiar/utils',
      '@peculiar/x509',
      'asn1js',
      'pvtsutils',
      'pvutils',
      'tsyringe',
    ],
    folder: 'server',
  },
];
const bundledPackages = BUNDLES.flatMap(({ packages }) => packages);
const bundledFiles = new RegExp(`[\\\\/]node_modules[\\\\/](${bundledPackages.join('|').replaceAll('/', '[\\\\/]')})[\\\\/]`);
const bundleOf = (id) => {
  const name = bundledFiles.exec(id)?.[1]?.split(sep).join('/');
  return BUNDLES.find(({ packages }) => packages.includes(name));
};
const isBundled = (id) => bundleOf(id) !== undefined;
const ofTheirFolder = {
  name: 'of-their-folder',
  resolveId(source, importer) {
    const bundle = BUNDLES.find(({ packages }) => packages.includes(source));
    if (bundle !== undefined && !isBundled(importer) && !relative(built, importer).startsWith(`${bundle.folder}${sep}`))
      throw new Error(`${importer} imports ${source}`);
    return null;
  },
};
/** Their sources are not in the package, so that no map can lead there. */
const noForeignMaps = {
  name: 'no-foreign-maps',
  transform: (code, id) => (isBundled(id) ? { code, map: { mappings: '' } } : null),
};
async function licenceOf(name) {
  const folder = `node_modules/${name}`;
  const file = readdirSync(folder).find((found) => /^LICEN[CS]E(\.|$)/i.test(found));
  if (file === undefined) throw new Error(`${name} is bundled and has no licence.`);
  return `${name}, bundled:\n\n${(await readFile(`${folder}/${file}`, 'utf8')).trim()}`;
}
const licences = new Map();
for (const { name, packages } of BUNDLES) licences.set(name, (await Promise.all(packages.map(licenceOf))).join('\n\n'));

const isRuntime = (id) => /[\\/]common[\\/]runtime\.js$/.test(id);

/** What `files`, paths in lib/ without their ending, load when they are imported: themselves, and all that they import but not lazily. */
function loadedBy(files, getModuleInfo) {
  const found = new Set();
  const visit = (id) => {
    const info = found.has(id) ? null : getModuleInfo(id);
    if (info === null || info.isExternal) return;
    found.add(id);
    info.importedIds.forEach(visit);
  };
  files.forEach((file) => visit(resolve(built, `${file}.js`)));
  return found;
}

/**
 * What `import 'aegislib'` loads comes in a few chunks, because each file costs time to find and link, more than its code does. It is not one chunk, so
 * that a thread does without the library, and a store without guards: each chunk has what its starting points need beyond the chunks before it. None
 * imports a later one.
 */
let chunks;
function chunkOfCore(id, getModuleInfo) {
  if (chunks === undefined) {
    const loaded = (...files) => loadedBy(files, getModuleInfo);
    const [core, threads, stores] = [
      loaded('index'),
      loaded(...besides),
      loaded('store/index', 'store/sqlite/index', 'store/postgres/index'),
    ];
    const both = new Set([...threads].filter((file) => stores.has(file)));
    const parts = { common: both, parser: threads, stores, policy: loaded('policy/index'), core };
    chunks = new Map();
    for (const [name, files] of Object.entries(parts))
      for (const file of files) if (core.has(file) && !isEntry(file) && !chunks.has(file)) chunks.set(file, name);
  }
  return chunks.get(id);
}
const isEntry = (id) => entries.has(relative(built, id).split(sep).join('/').replace(/\.js$/, ''));

export default {
  input: Object.fromEntries([...entries].map((e) => [e, `${built}/${e}.js`])),
  external: (id) => isBuiltin(id) || outside.some((d) => id === d || id.startsWith(`${d}/`)),
  plugins: [
    ofTheirFolder,
    // package.json "sideEffects" is about dist/, and what is bundled here has not got there yet
    nodeResolve({ resolveOnly: bundledPackages, ignoreSideEffectsForRoot: true }),
    commonjs({ include: bundledFiles }),
    noForeignMaps,
    tscMaps,
    ownPlace,
    copiedAssets,
  ],
  treeshake: { moduleSideEffects: (id) => isRuntime(id) || id.startsWith('reflect-metadata') },
  onwarn(w) {
    if (w.code === 'EMPTY_BUNDLE') return; // a file of types only
    if (w.code === 'CIRCULAR_DEPENDENCY' && w.ids.every(isBundled)) return; // of other people's files, which are one chunk
    throw new Error(w.message);
  },
  output: {
    dir: 'dist',
    format: 'es',
    sourcemap: true,
    hoistTransitiveImports: false,
    chunkFileNames: 'chunks/[name].js',
    // the only file with side effects gets a file of its own: named in package.json "sideEffects"
    manualChunks: (id, { getModuleInfo }) => {
      if (isRuntime(id)) return 'runtime';
      // of all that was CommonJS: with one of them, the others would be loaded for it
      if (id.includes('commonjsHelpers')) return 'commonjs';
      return bundleOf(id)?.name ?? chunkOfCore(id, getModuleInfo);
    },
    banner: ({ name }) => (licences.has(name) ? `/*!\n${licences.get(name)}\n*/` : ''),
  },
};
