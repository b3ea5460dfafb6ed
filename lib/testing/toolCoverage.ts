import { isPlainObject } from '../common/data/plainObject.js';
import { getGuard, listGuards, unguardedOverrides } from '../guard/method/guardMetadata.js';
import { isGuardedFunction, nameOf, registeredTools, toolShape } from './toolShapes.js';

/** Whether a guard covers one tool. */
export interface ToolCoverage {
  /** Where it was found: `tools.refund`, `Workspace.post`. */
  readonly path: string;
  /** `unknown`: nobody can tell by its looks whether it is a tool. */
  readonly state: 'guarded' | 'unguarded' | 'unknown';
  readonly why: string;
}

type AnyClass = abstract new (...args: never) => unknown;

const MAX_DEPTH = 6;
const GUARDED = 'an adapter or a guarded function';

/** Everything in a value that is a tool, or may be one: records, lists, maps, tools, functions, classes with guarded methods, MCP servers, agents with `tools`. */
export function toolCoverage(value: unknown, path: string): readonly ToolCoverage[] {
  const found = look(value, path, 0, new Set());
  const mayHoldTools = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return found.length > 0 || !mayHoldTools ? found : [of(path, 'unknown', 'nothing in it looks like a tool')];
}

function look(value: unknown, path: string, depth: number, seen: Set<unknown>): readonly ToolCoverage[] {
  if (typeof value === 'function') return lookAtFunction(value as AnyClass, path);
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  if (depth > MAX_DEPTH) return [of(path, 'unknown', 'it is too deep inside')];
  seen.add(value);
  const inside = (items: Iterable<readonly [string, unknown]>): readonly ToolCoverage[] =>
    [...items].flatMap(([name, item]) => look(item, name, depth + 1, seen));
  switch (toolShape(value)) {
    case 'guarded':
      return [of(path, 'guarded', GUARDED)];
    case 'unguarded':
      return [of(path, 'unguarded', 'a tool without a guard')];
    case 'elsewhere':
      return [of(path, 'unguarded', 'it has no function to guard: it runs at a provider or in a client')];
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
  return [...lookAtClass(value.constructor as AnyClass, path), ...inside(toolsOf(value, path))];
}

/** Functions beside tools are tools, too. */
function together(found: readonly ToolCoverage[]): readonly ToolCoverage[] {
  if (found.every(({ state }) => state === 'unknown')) return found;
  return found.map((tool) => (tool.state === 'unknown' ? of(tool.path, 'unguarded', `${tool.why}, beside others`) : tool));
}

function lookAtFunction(fn: AnyClass, path: string): readonly ToolCoverage[] {
  if (isGuardedFunction(fn)) return [of(path, 'guarded', 'a guarded function')];
  const methods = lookAtClass(fn, path);
  if (methods.length > 0) return methods;
  const isClass = Function.prototype.toString.call(fn).startsWith('class');
  return [of(path, 'unknown', isClass ? 'a class without a guarded method' : 'a function without a guard')];
}

/** Methods of a class that has guards. One without is a tool that was forgotten, or none. */
function lookAtClass(type: unknown, path: string): readonly ToolCoverage[] {
  if (typeof type !== 'function' || typeof type.prototype !== 'object' || listGuards(type as AnyClass).length + overrides(type).size === 0)
    return [];
  return [...methodNames(type)].map((name) => {
    const at = join(path, name);
    if (overrides(type).has(name)) return of(at, 'unguarded', 'it overrides a guarded method and is itself not guarded');
    return getGuard(type, name) === undefined
      ? of(at, 'unknown', 'a method without a guard in a class that has guards')
      : of(at, 'guarded', 'a guarded method');
  });
}

function overrides(type: object): ReadonlySet<PropertyKey> {
  return new Set(unguardedOverrides(type as AnyClass));
}

/** Instance and static methods, down from the first class that has guards: what a framework's own base class has is no tool. */
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
  // accessors are not run
  return Object.entries(Object.getOwnPropertyDescriptors(record)).flatMap(([name, { value, enumerable }]) =>
    enumerable === true ? [[join(path, name), value] as const] : [],
  );
}

/** The tools of an agent or a toolkit. Some have them behind a getter, which may throw. */
function toolsOf(value: object, path: string): readonly (readonly [string, unknown])[] {
  try {
    const { tools } = value as { readonly tools?: unknown };
    return typeof tools === 'object' ? [[join(path, 'tools'), tools]] : [];
  } catch {
    return [];
  }
}

function join(path: string, name: string | undefined): string {
  return path === '' ? String(name) : `${path}.${String(name)}`;
}

function of(path: string, state: ToolCoverage['state'], why: string): ToolCoverage {
  return { path, state, why };
}
