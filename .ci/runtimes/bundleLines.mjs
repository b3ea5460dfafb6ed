// The probe through bundlers and compilers, and what is known not to work then.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleWithEsbuild, bundleWithRollup, bundleWithVite, bundleWithWebpack, compileWithSwc } from './bundle.mjs';
import { BUNDLERS, versionOf } from './fetchBundlers.mjs';

const KEPT = { names: 'kept', thread: 'works' };
/** A function's own name is gone, and with it the tool that is named after it: such a call is denied. Tools with a `toolName` do not care. */
const MINIFIED = { names: 'lost, denied', thread: 'works' };
/** The file that `lintPolicies` starts its thread from is not beside the bundle: its one finding is an error that says the check failed. */
const ONE_FILE = { names: 'lost, denied', thread: 'missing, said so' };

/** @param wants says of a form whether its line is wanted: only then is it built */
export async function bundleLines({ installed, empty, probe, nodes, bun, wants }) {
  const [js, ts] = [join(probe, 'probe.js'), join(probe, 'probe.ts')];
  const beside = besideCedar(installed, join(empty, 'beside'));
  const alone = join(empty, 'alone');
  // what comes in comes from a copy that is gone when the bundle runs, as on another machine
  const source = join(empty, 'source');
  cpSync(installed, source, { recursive: true });
  const inSource = (file) => join(source, file.slice(installed.length + 1));
  const [bundledJs, bundledTs] = [inSource(js), inSource(ts)];

  const forms = [
    ['rollup + terser, packages outside', join(installed, 'rollup.mjs'), MINIFIED, (to) => bundleWithRollup(js, to, { inside: false })],
    ['esbuild, packages outside', join(installed, 'esbuild.mjs'), MINIFIED, (to) => bundleWithEsbuild(ts, to, { inside: false })],
    ['vite ssr, packages outside', join(installed, 'vite.mjs'), MINIFIED, (to) => bundleWithVite(ts, to, { inside: false })],
    [
      'rollup + terser, one file beside cedar-wasm',
      join(beside, 'rollup.mjs'),
      ONE_FILE,
      (to) => bundleWithRollup(bundledJs, to, { inside: true }),
    ],
    [
      'esbuild, one file beside cedar-wasm',
      join(beside, 'esbuild.mjs'),
      ONE_FILE,
      (to) => bundleWithEsbuild(bundledTs, to, { inside: true }),
    ],
    [
      'esbuild to CommonJS, the same',
      join(beside, 'esbuild.cjs'),
      ONE_FILE,
      (to) => bundleWithEsbuild(bundledTs, to, { inside: true, cjs: true }),
    ],
    ['webpack, beside cedar-wasm', join(beside, 'webpack/probe.mjs'), ONE_FILE, (to) => bundleWithWebpack(bundledJs, to, {})],
    [
      'webpack to CommonJS, the same',
      join(beside, 'webpack-cjs/probe.cjs'),
      ONE_FILE,
      (to) => bundleWithWebpack(bundledJs, to, { cjs: true }),
    ],
    ['vite ssr, beside cedar-wasm', join(beside, 'vite/probe.mjs'), ONE_FILE, (to) => bundleWithVite(bundledTs, to, { inside: true })],
  ];
  const built = [];
  for (const [form, file, known, build] of forms) {
    if (!wants(form)) continue;
    await build(file);
    built.push(...nodes.map(([runtime, path]) => ({ runtime, form, command: [path, file], known })));
  }

  // without cedar-wasm there are no policies in the process, and the attempt must not go unnoticed; a Data Plane can decide
  const ALONE = 'esbuild, one file alone, remote';
  if (wants(ALONE)) {
    mkdirSync(alone);
    await bundleWithEsbuild(bundledTs, join(alone, 'esbuild.mjs'), { inside: true });
    for (const [runtime, path] of nodes)
      built.push({ runtime, form: ALONE, command: [path, join(alone, 'esbuild.mjs')], known: {}, args: ['remote'] });
  }
  const COMPILED = 'compiled to one program, beside cedar-wasm';
  if (wants(COMPILED)) {
    const program = join(beside, 'probe');
    execFileSync(bun.path, ['build', '--compile', bundledTs, '--outfile', program], { stdio: ['ignore', 'ignore', 'inherit'] });
    built.push({ runtime: bun.runtime, form: COMPILED, command: [program], known: { names: 'kept', thread: 'missing, said so' } });
  }
  rmSync(source, { recursive: true });

  const [runtime, path] = nodes[nodes.length - 1];
  const SWC = 'swc, decorators 2022-03';
  if (wants(SWC)) built.push({ runtime, form: SWC, command: [path, join(await compileAll(probe), 'probe.js')], known: KEPT });
  const TSX = `tsx ${versionOf('tsx')}`;
  if (wants(TSX)) {
    const loader = pathToFileURL(createRequire(resolve(BUNDLERS, 'x.js')).resolve('tsx')).href;
    built.push({ runtime, form: TSX, command: [path, '--import', loader, ts], known: KEPT });
  }
  return built;
}

/** File by file, as swc's own command does. */
async function compileAll(probe) {
  const folder = `${probe}-swc`;
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const file of readdirSync(probe).filter((name) => /^\w+\.ts$/.test(name))) {
    const code = await compileWithSwc(readFileSync(join(probe, file), 'utf8'), file);
    writeFileSync(join(folder, file.replace(/\.ts$/, '.js')), code.replace(/(from ['"]\.\/\w+)\.ts/g, '$1.js'));
  }
  return folder;
}

/** All that one file has to bring along: this package, and of it `nodejs/` alone. */
function besideCedar(installed, folder) {
  const place = 'node_modules/@cedar-policy/cedar-wasm';
  for (const part of ['package.json', 'nodejs']) cpSync(join(installed, place, part), join(folder, place, part), { recursive: true });
  return folder;
}
