import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { toolCoverage } from '../testing/toolCoverage.js';
import type { ToolCoverage } from '../testing/toolCoverage.js';
import { CliError, type CliIo, counted, EXIT, writeJson, writeLines } from './CliIo.js';
import { readText } from './readJson.js';

export interface CoverageOptions {
  readonly except?: readonly string[] | undefined;
  readonly strict?: boolean | undefined;
  readonly json?: boolean | undefined;
}

type Found = ToolCoverage & { readonly module: string };

/** Runs `aegis coverage`: loads modules, which runs them, and lists the exported tools without a guard. Fails if there is no tool at all. */
export async function coverage(modules: readonly string[], { except = [], strict, json }: CoverageOptions, io: CliIo): Promise<number> {
  io.beforeForeignCode();
  const found: Found[] = [];
  for (const module of modules) found.push(...(await inspect(module)));
  const isOpen = ({ state }: Found): boolean => state === 'unguarded' || (state === 'unknown' && strict === true);
  const uncovered = found.filter((tool) => isOpen(tool) && !except.includes(tool.path));
  const stale = except.filter((name) => !found.some(({ path, state }) => path === name && state !== 'guarded'));
  const guarded = found.filter(({ state }) => state === 'guarded');
  const unknown = found.filter(({ state, path }) => state === 'unknown' && strict !== true && !except.includes(path));
  if (guarded.length === 0 && !found.some(isOpen))
    throw new CliError('no export of these modules looks like a tool; pass the modules that export your tools');
  if (stale.length > 0)
    throw new CliError(
      stale
        .map((name) => `--except ${name}: there is no unguarded tool of that name; remove the option, or copy the name from the list`)
        .join('\n'),
    );
  if (json === true) writeJson(io, { guarded: guarded.length, uncovered, unknown });
  else {
    writeLines(
      io.out,
      uncovered.map(({ module, path, why }) => `${module}: not covered: ${path}: ${why}`),
    );
    writeLines(
      io.out,
      unknown.map(({ module, path, why }) => `${module}: not judged: ${path}: ${why}`),
    );
    const counts = [`${guarded.length} covered`, `${uncovered.length} not covered`, `${unknown.length} not judged`];
    writeLines(io.out, [`${counted(modules.length, 'module')}: ${counts.join(', ')}`]);
  }
  return uncovered.length > 0 ? EXIT.found : EXIT.ok;
}

async function inspect(module: string): Promise<readonly Found[]> {
  readText(module);
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = (await import(pathToFileURL(resolve(module)).href)) as typeof exports;
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown };
    const what = [code, name].find((text) => typeof text === 'string') ?? 'it threw a value that is not an Error';
    // the error's message comes from the module and may hold confidential data
    throw new CliError(`${module}: it cannot be loaded (${String(what)}); run it with node to see the error`);
  }
  return Object.entries(exports).flatMap(([name, value]) => toolCoverage(value, name).map((tool) => ({ module, ...tool })));
}
