import { isPlainObject } from '../common/data/plainObject.js';
import { getGuard, listGuards, unguardedOverrides, valueOf } from '../guard/method/guardMetadata.js';
import type { AnyClass } from '../guard/method/guardMetadata.js';
import { isGuardedTool } from '../guard/guardedTools.js';
import { ownOverrides } from '../guard/method/ownOverrides.js';

/** Whether a guard covers a tool. */
export interface ToolCoverage {
  /** Where the tool was found, such as `tools.refund` or `Workspace.post`. */
  readonly path: string;
  /** `unknown`: its properties do not show whether it is a tool. */
  readonly state: 'guarded' | 'unguarded' | 'unknown';
  readonly why: string;
}

/** The properties in which frameworks keep the function that runs, the outermost first: of a tool with both `invoke` and `func`, `invoke` is called. */
const ENTRIES = ['execute', 'invoke', 'run', 'handler', '_call', 'func', 'callback', 'call'] as const;
/** The properties in which tools have a schema. A plain record of functions has none of them. */
const SCHEMAS = ['inputSchema', 'input_schema', 'parameters', 'schema'] as const;

const MAX_DEPTH = 6;
const HIDDEN = 'a field of the instance hides the guarded method';
const GUARDED = 'an adapter or a guarded function';

/** Finds everything in a value that is or may be a tool: in records, lists and maps, functions, classes with guarded methods, MCP servers, agents with `tools`. */
export function toolCoverage(value: unknown, path: string): readonly ToolCoverage[] {
  const found = look(value, path, 0, new Set());
  const mayHoldTools = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return found.length > 0 || !mayHoldTools ? found : [of(path, 'unknown', 'nothing in it looks like a tool')];
}

function look(value: unknown, path: string, depth: number, seen: Set<unknown>): readonly ToolCoverage[] {
  if (typeof value === 'function') return lookAtFunction(value as AnyClass, path);
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  if (depth > MAX_DEPTH) return [of(path, 'unknown', `it is nested more than ${MAX_DEPTH} levels deep`)];
  seen.add(value);
  const inside = (items: Iterable<readonly [string, unknown]>): readonly ToolCoverage[] =>
    [...items].flatMap(([name, item]) => look(item, name, depth + 1, seen));
  switch (toolShape(value)) {
    case 'guarded':
      return [of(path, 'guarded', GUARDED)];
    case 'unguarded':
      return [of(path, 'unguarded', 'a tool without a guard')];
    case 'elsewhere':
      return [of(path, 'unguarded', 'it has no function to guard, so it runs at a provider or in a client')];
    case undefined:
  }
  const registered = registeredTools(value);
  if (registered !== undefined)
    return registered.map(([name, isGuarded]) =>
      of(join(path, name), isGuarded ? 'guarded' : 'unguarded', isGuarded ? GUARDED : 'a registered tool without a guard'),
    );
  if (Array.isArray(value) || value instanceof Set)
    return together(inside([...value].map((item, i) => [nameOf(item) === undefined ? `${path}[${i}]` : join(path, nameOf(item)), item])));
  if (value instanceof Map) return together(inside([...value].map(([name, item]) => [join(path, String(name)), item])));
  if (isPlainObject(value)) return together(inside(entriesOf(value, path)));
  const own = ownOverrides(value).map((name) => of(join(path, String(name)), 'unguarded', HIDDEN));
  const methods = lookAtClass(value.constructor as AnyClass, path).filter(({ path: at }) => own.every((other) => other.path !== at));
  return [...methods, ...own, ...inside(toolsOf(value, path))];
}

/** A function beside tools counts as a tool. */
function together(found: readonly ToolCoverage[]): readonly ToolCoverage[] {
  if (found.every(({ state }) => state === 'unknown')) return found;
  return found.map((tool) => (tool.state === 'unknown' ? of(tool.path, 'unguarded', `${tool.why}, beside tools`) : tool));
}

function lookAtFunction(fn: AnyClass, path: string): readonly ToolCoverage[] {
  if (isGuardedFunction(fn)) return [of(path, 'guarded', 'a guarded function')];
  const methods = lookAtClass(fn, path);
  if (methods.length > 0) return methods;
  const isClass = Function.prototype.toString.call(fn).startsWith('class');
  return [of(path, 'unknown', isClass ? 'a class without a guarded method' : 'a function without a guard')];
}

/** The methods of a class that has guards. A method without a guard may be a forgotten tool. */
function lookAtClass(type: unknown, path: string): readonly ToolCoverage[] {
  if (typeof type !== 'function' || typeof type.prototype !== 'object' || listGuards(type as AnyClass).length + overrides(type).size === 0)
    return [];
  return [...methodNames(type)].map((name) => {
    const at = join(path, name);
    if (overrides(type).has(name))
      return of(at, 'unguarded', getGuard(type, name) === undefined ? 'it overrides a guarded method, but is not guarded itself' : HIDDEN);
    return getGuard(type, name) === undefined
      ? of(at, 'unknown', 'a method without a guard in a class that has guards')
      : of(at, 'guarded', 'a guarded method');
  });
}

function overrides(type: object): ReadonlySet<PropertyKey> {
  return new Set(unguardedOverrides(type as AnyClass));
}

/** Instance and static methods, from the topmost class with guards down: the methods of a framework's own base class are not tools. */
function methodNames(type: object): ReadonlySet<string> {
  const chains = [(type as AnyClass).prototype as object, type].map((start) => {
    const methods: (readonly [name: string, fn: object])[][] = [];
    for (let on: object | null = start; on !== null; on = Object.getPrototypeOf(on) as object | null) methods.push(methodsOn(on));
    return methods.slice(0, methods.findLastIndex((own) => own.some(([, fn]) => getGuard(fn) !== undefined)) + 1);
  });
  return new Set(chains.flat(2).map(([name]) => name));
}

function methodsOn(on: object): (readonly [name: string, fn: object])[] {
  return Object.entries(Object.getOwnPropertyDescriptors(on)).flatMap(([name, { value }]) =>
    typeof value === 'function' && name !== 'constructor' ? [[name, value as object] as const] : [],
  );
}

function entriesOf(record: object, path: string): readonly (readonly [string, unknown])[] {
  // getters are not called
  return Object.entries(Object.getOwnPropertyDescriptors(record)).flatMap(([name, { value, enumerable }]) =>
    enumerable === true ? [[join(path, name), value] as const] : [],
  );
}

/** Where an agent or a toolkit has its tools, and an agent those that it hands over to: each of these agents has tools of its own. */
const HOLDERS = ['tools', 'handoffs', 'agent'] as const;

/** The tools of an agent or a toolkit. Some have a getter for them, which may throw. */
function toolsOf(value: object, path: string): readonly (readonly [string, unknown])[] {
  return HOLDERS.flatMap((name) => {
    try {
      const held = (value as { readonly [K in typeof name]?: unknown })[name];
      return typeof held === 'object' ? [[join(path, name), held] as const] : [];
    } catch {
      return [];
    }
  });
}

function join(path: string, name: string | undefined): string {
  return path === '' ? String(name) : `${path}.${String(name)}`;
}

function of(path: string, state: ToolCoverage['state'], why: string): ToolCoverage {
  return { path, state, why };
}

/** The kind of a tool; undefined for an object that is not a tool. */
type ToolShape = 'guarded' | 'unguarded' | 'elsewhere' | undefined;

/** Recognizes a tool of any framework by its properties. Runs none of its code. */
function toolShape(value: object): ToolShape {
  if (isGuardedTool(value)) return 'guarded';
  const hasSchema = SCHEMAS.some((key) => ['object', 'function'].includes(typeof valueOf(value, key)) && valueOf(value, key) !== null);
  const isNamed = nameOf(value) !== undefined || typeof valueOf(value, 'id') === 'string';
  const entry = ENTRIES.map((key) => valueOf(value, key)).find((fn) => typeof fn === 'function');
  if (entry !== undefined && (hasSchema || isNamed || typeof valueOf(value, 'description') === 'string'))
    return isGuardedFunction(entry as object) ? 'guarded' : 'unguarded';
  return entry === undefined && (hasSchema || (isNamed && typeof valueOf(value, 'type') === 'string')) ? 'elsewhere' : undefined;
}

/** Whether `guard()` or an adapter made the function. */
function isGuardedFunction(fn: object): boolean {
  return getGuard(fn) !== undefined || isGuardedTool(fn);
}

/** The tools of an MCP server by name, and whether a guard covers each: both versions of the SDK keep them in the same private field. */
function registeredTools(value: object): readonly (readonly [name: string, isGuarded: boolean])[] | undefined {
  const tools = valueOf(value, '_registeredTools');
  if (typeof tools !== 'object' || tools === null) return undefined;
  return Object.entries(tools).map(([name, tool]: [string, object]) => {
    const handler = valueOf(tool, 'handler');
    return [name, isGuardedTool(tool) || (typeof handler === 'function' && isGuardedFunction(handler))];
  });
}

/** The tool's own name. */
function nameOf(value: unknown): string | undefined {
  const name = typeof value === 'object' && value !== null ? valueOf(value, 'name') : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
