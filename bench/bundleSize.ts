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

/** The chunks that importing one of them loads, itself included. */
export function loadedWith(chunks: readonly OutputChunk[], name: string): ReadonlySet<OutputChunk> {
  const found = new Set<OutputChunk>();
  const visit = (fileName: string): void => {
    const chunk = chunks.find((c) => c.fileName === fileName);
    if (chunk === undefined || found.has(chunk)) return;
    found.add(chunk);
    for (const other of chunk.imports) visit(other);
  };
  visit(name);
  return found;
}
