import { valueOf } from './method/guardMetadata.js';

/** Guarded tools, each with the functions that guard it, by the property they sit on. */
const guardedTools = new WeakMap<object, ReadonlyMap<string, unknown>>();

/**
 * @internal Notes that an adapter guards this tool, for those who look for tools that nobody guards. It guards nothing by itself.
 *
 * @param entries where the guarding functions sit, such as `execute`: a tool whose function is replaced later is no guarded one any more
 */
export function markGuarded<T extends object>(tool: T, ...entries: readonly string[]): T {
  guardedTools.set(tool, new Map(entries.map((entry) => [entry, valueOf(tool, entry)])));
  return tool;
}

/** @internal Whether an adapter of this copy of the package guards this very object. A copy of it is another one. */
export function isGuardedTool(tool: unknown): boolean {
  const entries = guardedTools.get(tool as object);
  return entries !== undefined && [...entries].every(([entry, fn]) => valueOf(tool as object, entry) === fn);
}
