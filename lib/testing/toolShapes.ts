import { getGuard, valueOf } from '../guard/method/guardMetadata.js';
import { isGuardedTool } from '../guard/guardedTools.js';

/** Where frameworks keep what runs, the outermost first: `invoke` of a tool that has `func` too is what is called. */
const ENTRIES = ['execute', 'invoke', 'run', 'handler', '_call', 'func', 'callback', 'call'] as const;
/** What a tool has beside the function that runs. A record of functions has none of it. */
const SCHEMAS = ['inputSchema', 'input_schema', 'parameters', 'schema'] as const;

/** What kind of a tool an object is; undefined for anything else. */
export type ToolShape = 'guarded' | 'unguarded' | 'elsewhere' | undefined;

/** Tells a tool of any of the frameworks by its shape. Runs none of its code. */
export function toolShape(value: object): ToolShape {
  if (isGuardedTool(value)) return 'guarded';
  const hasSchema = SCHEMAS.some((key) => ['object', 'function'].includes(typeof valueOf(value, key)) && valueOf(value, key) !== null);
  const isNamed = nameOf(value) !== undefined || typeof valueOf(value, 'id') === 'string';
  const entry = ENTRIES.map((key) => valueOf(value, key)).find((fn) => typeof fn === 'function');
  if (entry !== undefined && (hasSchema || isNamed || typeof valueOf(value, 'description') === 'string'))
    return isGuardedFunction(entry as object) ? 'guarded' : 'unguarded';
  return entry === undefined && (hasSchema || (isNamed && typeof valueOf(value, 'type') === 'string')) ? 'elsewhere' : undefined;
}

/** A function that `guard()` made, or an adapter. */
export function isGuardedFunction(fn: object): boolean {
  return getGuard(fn) !== undefined || isGuardedTool(fn);
}

/** The tools of an MCP server, by name, and whether a guard covers each: both versions of its SDK keep them in the same private field. */
export function registeredTools(value: object): readonly (readonly [name: string, isGuarded: boolean])[] | undefined {
  const tools = valueOf(value, '_registeredTools');
  if (typeof tools !== 'object' || tools === null) return undefined;
  return Object.entries(tools).map(([name, tool]: [string, object]) => {
    const handler = valueOf(tool, 'handler');
    return [name, isGuardedTool(tool) || (typeof handler === 'function' && isGuardedFunction(handler))];
  });
}

/** The name that a tool itself has. */
export function nameOf(value: unknown): string | undefined {
  const name = typeof value === 'object' && value !== null ? valueOf(value, 'name') : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
