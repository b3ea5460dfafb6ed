// tsc (native TypeScript 7) has already written .build/lib/**/*.js with maps, and dist/**/*.d.ts.
// Rollup only bundles: one file for each entry of package.json "exports" and "bin", shared code in chunks, dependencies external.
// A pattern ("./adapter/*") stands for every file of its folder, so that a new adapter needs no edit of any list.
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { posix, relative, resolve, sep } from 'node:path';

const built = '.build/lib';
const pkg = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));

/** Files that are found by their place beside another one, not by an import. */
const besides = ['policy/lint/lintPolicies', 'policy/lint/worker', 'policy/live/parseInThread', 'policy/live/policyThread'].filter((e) =>
  existsSync(`${built}/${e}.js`),
);

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
const outside = Object.keys({ ...pkg.dependencies, ...pkg.peerDependencies });

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

/** `import.meta.url` keeps naming the file's own place when its code moves to a chunk: `new URL('./worker.js', …)` finds the worker. */
const ownPlace = {
  name: 'own-place',
  resolveImportMeta(property, { chunkId, moduleId }) {
    const home = relative(built, moduleId).split(sep).join('/');
    if (property !== 'url' || home === chunkId || !besides.includes(home.replace(/\.js$/, ''))) return null;
    return `new URL(${JSON.stringify(posix.relative(posix.dirname(chunkId), home))}, import.meta.url).href`;
  },
};

/** The command line's own parser, a development dependency, is bundled with it. Nothing else may ask for it. */
const BUNDLED = 'commander';
const bundledFiles = /[\/]node_modules[\/]commander[\/]/;
const isBundled = (id) => bundledFiles.test(id);
const ofCliOnly = {
  name: 'of-cli-only',
  resolveId(source, importer) {
    if (source === BUNDLED && !relative(built, importer).startsWith(`cli${sep}`)) throw new Error(`${importer} imports ${source}`);
    return null;
  },
};
/** Its sources are not in the package, so that no map can lead there. */
const noForeignMaps = {
  name: 'no-foreign-maps',
  transform: (code, id) => (isBundled(id) ? { code, map: { mappings: '' } } : null),
};
const licence = await readFile(new URL(`node_modules/${BUNDLED}/LICENSE`, import.meta.url), 'utf8');

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
  external: (id) => id.startsWith('node:') || outside.some((d) => id === d || id.startsWith(`${d}/`)),
  plugins: [
    ofCliOnly,
    // package.json "sideEffects" is about dist/, and what is bundled here has not got there yet
    nodeResolve({ resolveOnly: [BUNDLED], ignoreSideEffectsForRoot: true }),
    commonjs({ include: bundledFiles }),
    noForeignMaps,
    tscMaps,
    ownPlace,
  ],
  treeshake: { moduleSideEffects: (id) => isRuntime(id) || id.startsWith('reflect-metadata') },
  onwarn(w) {
    if (w.code === 'EMPTY_BUNDLE') return; // a file of types only
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
      return isBundled(id) ? BUNDLED : chunkOfCore(id, getModuleInfo);
    },
    banner: ({ name }) => (name === BUNDLED ? `/*!\n${BUNDLED}, bundled:\n\n${licence.trim()}\n*/` : ''),
  },
};
