// The probe as one minified file, every name mangled, by the two bundlers that users most have. Either every package stays outside, or every package
// comes in; then cedar-wasm alone stays outside, because the library resolves it at run time, and it reads its .wasm from beside itself.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rollup } from 'rollup';
import { minify } from 'terser';

/** Rings among the files of a dependency, and `this` in the decorator helpers that TypeScript writes: both do no harm. */
const HARMLESS = ['CIRCULAR_DEPENDENCY', 'THIS_IS_UNDEFINED'];

/** @param modules where esbuild and rollup's plugins are installed */
export async function loadBundlers(modules) {
  const require = createRequire(join(modules, 'x.js'));
  const load = async (name) => (await import(pathToFileURL(require.resolve(name)).href)).default;
  const [esbuild, nodeResolve, commonjs] = await Promise.all(
    ['esbuild', '@rollup/plugin-node-resolve', '@rollup/plugin-commonjs'].map(load),
  );

  return {
    async rollup(input, output, { inside }) {
      const external = (id) => id.startsWith('node:') || (!inside && /^[^./]/.test(id));
      const built = await rollup({ input, external, plugins: [nodeResolve({ preferBuiltins: true }), commonjs()], onwarn: refuse });
      const { output: chunks } = await built.generate({ format: 'es', inlineDynamicImports: true });
      await built.close();
      const { code } = await minify(chunks[0].code, { module: true, toplevel: true, keep_classnames: false, keep_fnames: false });
      writeFileSync(output, code);
    },
    async esbuild(input, output, { inside, cjs = false }) {
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
    },
  };
}

function refuse({ code, message }) {
  if (!HARMLESS.includes(code)) throw new Error(message);
}
