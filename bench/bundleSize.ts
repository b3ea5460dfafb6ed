import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { rollup, type OutputChunk } from 'rollup';
import { minify } from 'terser';

/** The root of the package. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** What bundling some entries of dist/ comes to; dependencies stay outside. */
export async function bundled(entries: readonly string[]): Promise<readonly OutputChunk[]> {
  const built = await rollup({
    input: entries.map((entry) => `${ROOT}/dist/${entry}`),
    external: (id) => !id.startsWith('.') && !id.startsWith('/'),
    onwarn: () => {},
  });
  const { output } = await built.generate({ format: 'es', manualChunks: undefined });
  await built.close();
  return output.filter((o) => o.type === 'chunk');
}

/** Minified and compressed, in bytes. */
export async function gzipped(code: string): Promise<number> {
  const { code: small = '' } = await minify(code, { module: true, ecma: 2020 });
  return gzipSync(small, { level: 9 }).length;
}

/** The chunks that importing an entry of dist/ loads, its own included. */
export function loadedWith(chunks: readonly OutputChunk[], entry: string): ReadonlySet<OutputChunk> {
  const found = new Set<OutputChunk>();
  const visit = (chunk: OutputChunk | undefined): void => {
    if (chunk === undefined || found.has(chunk)) return;
    found.add(chunk);
    for (const other of chunk.imports) visit(chunks.find(({ fileName }) => fileName === other));
  };
  // not by its name: several entries are called index
  const own = chunks.find(({ facadeModuleId }) => facadeModuleId === `${ROOT}/dist/${entry}`);
  if (own === undefined) throw new Error(`dist/${entry} has no chunk`);
  visit(own);
  return found;
}
