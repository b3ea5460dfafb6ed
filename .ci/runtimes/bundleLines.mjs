// The probe through bundlers, and what is known not to work then.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadBundlers } from './bundle.mjs';

/** A function's own name is gone, and with it the tool that is named after it: such a call is denied. Tools with a `toolName` do not care. */
const MINIFIED = { names: 'lost, denied', thread: 'works' };
/** The file that `lintPolicies` starts its thread from is not beside the bundle: its one finding is an error that says the check failed. */
const ONE_FILE = { names: 'lost, denied', thread: 'missing, said so' };

export async function bundleLines({ installed, empty, probe, bundlers, nodes }) {
  const { rollup, esbuild } = await loadBundlers(bundlers);
  const [js, ts] = [join(probe, 'probe.js'), join(probe, 'probe.ts')];
  const beside = besideCedar(installed, join(empty, 'beside'));
  const alone = join(empty, 'alone');
  mkdirSync(alone);
  const line = async (form, folder, file, build, known, args = []) => {
    const bundle = join(folder, file);
    await build(bundle);
    return nodes.map(([runtime, path]) => ({ runtime, form, command: [path, bundle], known, args }));
  };
  const built = [
    await line('rollup + terser, packages outside', installed, 'rollup.mjs', (file) => rollup(js, file, { inside: false }), MINIFIED),
    await line('esbuild, packages outside', installed, 'esbuild.mjs', (file) => esbuild(ts, file, { inside: false }), MINIFIED),
    await line('rollup + terser, one file beside cedar-wasm', beside, 'rollup.mjs', (file) => rollup(js, file, { inside: true }), ONE_FILE),
    await line('esbuild, one file beside cedar-wasm', beside, 'esbuild.mjs', (file) => esbuild(ts, file, { inside: true }), ONE_FILE),
    await line('esbuild to CommonJS, the same', beside, 'esbuild.cjs', (file) => esbuild(ts, file, { inside: true, cjs: true }), ONE_FILE),
    // without cedar-wasm there are no policies in the process, and the attempt must not go unnoticed; a Data Plane can decide
    await line('esbuild, one file alone, remote', alone, 'esbuild.mjs', (file) => esbuild(ts, file, { inside: true }), {}, ['remote']),
  ];
  return built.flat();
}

/** All that one file has to bring along: this package, and of it `nodejs/` alone. */
function besideCedar(installed, folder) {
  const place = 'node_modules/@cedar-policy/cedar-wasm';
  for (const part of ['package.json', 'nodejs']) cpSync(join(installed, place, part), join(folder, place, part), { recursive: true });
  return folder;
}
