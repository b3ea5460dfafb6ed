// tsc (native TypeScript 7) has already written .build/lib/**/*.js with maps, and dist/**/*.d.ts.
// Rollup only bundles: one file for each entry of package.json "exports", shared code in chunks, dependencies external.
import { readFile } from 'node:fs/promises';

const pkg = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));
const entries = Object.values(pkg.exports)
  .map((e) => e?.default)
  .filter((f) => f?.endsWith('.js'))
  .map((f) => f.replace(/^\.\/dist\//, '').replace(/\.js$/, ''));
const dependencies = Object.keys(pkg.dependencies);

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

export default {
  input: Object.fromEntries(entries.map((e) => [e, `.build/lib/${e}.js`])),
  external: (id) => id.startsWith('node:') || dependencies.some((d) => id === d || id.startsWith(`${d}/`)),
  plugins: [tscMaps],
  treeshake: { moduleSideEffects: (id) => id.endsWith('/common/runtime.js') || id.startsWith('reflect-metadata') },
  onwarn(w) {
    throw new Error(w.message);
  },
  output: {
    dir: 'dist',
    format: 'es',
    sourcemap: true,
    hoistTransitiveImports: false,
    chunkFileNames: 'chunks/[name].js',
    // the only file with side effects gets a file of its own: named in package.json "sideEffects"
    manualChunks: (id) => (id.endsWith('/common/runtime.js') ? 'runtime' : undefined),
  },
};
