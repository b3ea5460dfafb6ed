import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The root of what was compiled: this file is in `<root>/spec/support`. */
const BUILT = fileURLToPath(new URL('../../', import.meta.url));

/** A file of spec/ compiled again, as NestJS has it, and loaded; `remove` deletes it. Its imports find the very library that the specs use. */
export async function loadUnderLegacyEmit(file: string): Promise<{ readonly module: unknown; remove(): void }> {
  // one folder below the root, as spec/ is, so that `../../lib` is what it was
  const outDir = mkdtempSync(join(BUILT, 'legacy-'));
  const remove = (): void => rmSync(outDir, { recursive: true, force: true });
  try {
    const config = join(outDir, 'tsconfig.json');
    const compilerOptions = {
      target: 'es2022',
      module: 'nodenext',
      rootDir: resolve('spec'),
      outDir,
      types: [],
      noResolve: true,
      noCheck: true,
      verbatimModuleSyntax: true,
      importHelpers: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    };
    writeFileSync(config, JSON.stringify({ compilerOptions, files: [resolve('spec', file)] }));
    const { status, stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stdout);
    const emitted = join(outDir, file.replace(/\.ts$/, '.js').replaceAll('/', sep));
    return { module: (await import(pathToFileURL(emitted).href)) as unknown, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
