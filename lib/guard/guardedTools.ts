import { valueOf } from './method/guardMetadata.js';

/** Guarded tools, each with its guarding functions by the property that holds them. */
const guardedTools = new WeakMap<object, ReadonlyMap<string, unknown>>();

/**
 * @internal Notes that an adapter guards this tool, for checks that look for unguarded tools. It guards nothing by itself.
 *
 * @param entries the properties that hold the guarding functions, such as `execute`: a tool whose function is replaced later no longer counts as guarded
 */
export function markGuardedTool<T extends object>(tool: T, ...entries: readonly string[]): T {
  guardedTools.set(tool, new Map(entries.map((entry) => [entry, valueOf(tool, entry)])));
  return tool;
}

/** @internal Whether an adapter of this copy of the package guards this very object. A copy of the object is not guarded. */
export function isGuardedTool(tool: unknown): boolean {
  const entries = guardedTools.get(tool as object);
  return entries !== undefined && [...entries].every(([entry, fn]) => valueOf(tool as object, entry) === fn);
}
