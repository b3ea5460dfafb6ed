// The probe as a minified program, every name mangled, by the bundlers that users most have. Either every package stays outside, or every package
// comes in; then cedar-wasm alone stays outside, because the library resolves it at run time, and it reads its .wasm from beside itself.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rollup } from 'rollup';
import { minify } from 'terser';
import { BUNDLERS } from './fetchBundlers.mjs';

/** Rings among the files of a dependency, and `this` in the decorator helpers that TypeScript writes: both do no harm. */
const HARMLESS = ['CIRCULAR_DEPENDENCY', 'THIS_IS_UNDEFINED'];
const require = createRequire(resolve(BUNDLERS, 'x.js'));
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);

export async function bundleWithRollup(input, output, { inside }) {
  const [nodeResolve, commonjs] = await Promise.all(['@rollup/plugin-node-resolve', '@rollup/plugin-commonjs'].map(load));
  const external = (id) => id.startsWith('node:') || (!inside && /^[^./]/.test(id));
  const plugins = [nodeResolve.default({ preferBuiltins: true }), commonjs.default()];
  const built = await rollup({ input, external, plugins, onwarn: refuse });
  const { output: chunks } = await built.generate({ format: 'es', inlineDynamicImports: true });
  await built.close();
  const { code } = await minify(chunks[0].code, { module: true, toplevel: true, keep_classnames: false, keep_fnames: false });
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, code);
}

export async function bundleWithEsbuild(input, output, { inside, cjs = false }) {
  const esbuild = await load('esbuild');
  await esbuild.build({
    entryPoints: [input],
    outfile: output,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    packages: inside ? 'bundle' : 'external',
    logLevel: 'error',
    format: cjs ? 'cjs' : 'esm',
  });
}

/** Everything comes in, with chunks as webpack makes them. */
export async function bundleWithWebpack(input, output, { cjs = false }) {
  const { default: webpack } = await load('webpack');
  const esm = cjs ? {} : { module: true, chunkFormat: 'module' };
  const stats = await new Promise((done, failed) =>
    webpack(
      {
        mode: 'production',
        target: 'node20',
        context: dirname(input),
        entry: input,
        output: { path: dirname(output), filename: basename(output), ...esm },
        experiments: { outputModule: !cjs },
      },
      (error, result) => (error ? failed(error) : done(result)),
    ),
  );
  if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }));
}

/** A server build. Vite keeps the decorators of a TypeScript file, which Node cannot run, so that another plugin compiles them. */
export async function bundleWithVite(input, output, { inside }) {
  const { build } = await load('vite');
  await build({
    root: dirname(input),
    configFile: false,
    logLevel: 'error',
    plugins: [await decorators()],
    ssr: inside ? { noExternal: true } : {},
    build: {
      ssr: input,
      outDir: dirname(output),
      emptyOutDir: false,
      target: 'node20',
      minify: true,
      rolldownOptions: { output: { entryFileNames: basename(output) } },
    },
  });
}

/** The plugin of docs/bundlers.md. */
async function decorators() {
  const { transform } = await load('esbuild');
  return {
    name: 'decorators',
    enforce: 'pre',
    async transform(code, id) {
      if (!id.endsWith('.ts') || !/^\s*@\w/m.test(code)) return null;
      return transform(code, { loader: 'ts', target: 'es2022', sourcemap: true, sourcefile: id });
    },
  };
}

/** Compiles one file of TypeScript with swc. */
export async function compileWithSwc(code, filename) {
  const { transform } = await load('@swc/core');
  const { code: compiled } = await transform(code, {
    filename,
    swcrc: false,
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { decoratorVersion: '2022-03' },
      target: 'es2022',
    },
    module: { type: 'es6' },
  });
  return compiled;
}

function refuse({ code, message }) {
  if (!HARMLESS.includes(code)) throw new Error(message);
}
