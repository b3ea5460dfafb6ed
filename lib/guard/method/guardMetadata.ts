import '../../common/runtime.js';
import { ConfigError, GuardDefinitionError } from '../../model/errors/SetupErrors.js';
import type { ApprovalMode } from '../../model/Task.js';
import { functionFields } from './functionFields.js';

/** A guard, as `getGuard()` and `listGuards()` show it. */
export interface GuardInfo {
  /** The method or function that is guarded. */
  readonly method: string | symbol;
  /** The tool name that policies see. */
  readonly toolName: string;
  /** Unique among durable guards. */
  readonly key: string;
  /** The guard's own agent; `undefined` where the agent comes from the class or module, or is computed. */
  readonly agentId: string | undefined;
  /** How a call waits for a person. */
  readonly approval: ApprovalMode;
  /** Names of the parameters; `undefined` where a sole object's own keys are the names. */
  readonly params: readonly string[] | undefined;
  /** Action groups of the tool. */
  readonly groups: readonly string[];
  /** Names of the parameters that are neither decided on nor copied. */
  readonly opaque: readonly string[];
  /** Whether the method may run again after a crash. */
  readonly idempotent: boolean;
}

/** Metadata keys, for frameworks that read a guard through reflect-metadata. */
export const GUARD_METADATA_KEY = 'aegis:guard';
const CLASS_METADATA_KEY = 'aegis:agent';
/** @internal Sits on every guarded function. */
export const GUARD_MARK: unique symbol = Symbol.for('aegis.guard') as never;
/** Class defaults sit on the constructor too: subclasses inherit them, and a look-up on each call costs next to nothing. */
const AGENT: unique symbol = Symbol.for('aegis.agent') as never;

/** Class-wide defaults, as `@AegisAgent` records them. */
export interface AgentDefaults {
  readonly agentId: string;
  readonly module?: object | undefined;
  readonly onUnguardedOverride?: 'throw' | 'warn' | 'ignore' | undefined;
}

/** Any class, abstract ones too. */
export type AnyClass = abstract new (...args: never) => unknown;

/** @internal Marks a wrapper, on itself (which every compiler keeps) and in reflect-metadata. */
export function markGuarded(wrapper: object, info: GuardInfo): void {
  Object.defineProperty(wrapper, GUARD_MARK, { value: info });
  Reflect.defineMetadata(GUARD_METADATA_KEY, info, wrapper);
}

/** @internal The mark of a guarded function, also of another copy of this package. */
export function guardInfoOf(fn: unknown): GuardInfo | undefined {
  return typeof fn === 'function' ? (fn as unknown as Partial<Record<symbol, GuardInfo>>)[GUARD_MARK] : undefined;
}

/** @internal Records the defaults of a class. It inherits those that it does not set. */
export function setAgentDefaults(target: object, { agentId, module, onUnguardedOverride }: AgentDefaults): AgentDefaults {
  const above = agentDefaultsOf(Object.getPrototypeOf(target));
  const defaults: AgentDefaults = {
    agentId,
    module: module ?? above?.module,
    onUnguardedOverride: onUnguardedOverride ?? above?.onUnguardedOverride,
  };
  Object.defineProperty(target, AGENT, { value: defaults, configurable: true });
  Reflect.defineMetadata(CLASS_METADATA_KEY, defaults, target);
  return defaults;
}

/** @internal The nearest `@AegisAgent` up the constructor chain of an instance or class. */
export function agentDefaultsOf(self: unknown): AgentDefaults | undefined {
  const target = typeof self === 'function' ? self : (self as { readonly constructor?: unknown } | null | undefined)?.constructor;
  return typeof target === 'function' ? (target as unknown as Partial<Record<symbol, AgentDefaults>>)[AGENT] : undefined;
}

/**
 * Returns the guard of a method, instance or static, or of a function that `guard()` or `guardSync()` made.
 *
 * @param target a class, an instance, or a guarded function
 * @param method the name of the method; left out for a function
 * @returns the guard, or `undefined` where there is none
 * @example getGuard(Workspace, 'post')?.toolName
 */
export function getGuard(target: object, method?: PropertyKey): GuardInfo | undefined {
  if (method === undefined) return guardInfoOf(target);
  const on = typeof target === 'function' ? ((target as { readonly prototype?: object }).prototype ?? target) : target;
  return guardInfoOf(valueOf(on, method)) ?? guardInfoOf(valueOf(target, method));
}

/** Lists the guards of a class: of its instance and static methods, inherited ones too. `#private` methods cannot be seen from outside. */
export function listGuards(target: AnyClass): readonly GuardInfo[] {
  const found = new Map<GuardInfo, true>();
  for (const [, value] of methodsOf(target)) {
    const info = guardInfoOf(value);
    if (info !== undefined) found.set(info, true);
  }
  return [...found.keys()];
}

/**
 * Checks that no method of a class undoes a guard of its base classes: an undecorated override would run unguarded. It also finds static overrides,
 * which the check at construction cannot find.
 *
 * @throws ConfigError naming every such method
 * @throws GuardDefinitionError for anything but a class
 */
export function assertGuarded(target: AnyClass): void {
  if (typeof target !== 'function' || typeof target.prototype !== 'object') {
    throw new GuardDefinitionError(
      'assertGuarded() must get a class; to look into an instance or a list of tools, use expectGuarded() of aegislib/testing.',
    );
  }
  const problems = unguardedOverrides(target).map((name) => ({
    where: `${target.name}.${String(name)}`,
    message: whyUnguarded(target, name),
  }));
  if (problems.length > 0) throw new ConfigError(problems);
}

/** @internal The names of methods whose nearest definition is not guarded, though one further up is. */
export function unguardedOverrides(target: AnyClass): readonly PropertyKey[] {
  const names = new Set<PropertyKey>();
  for (const chain of [prototypesOf(target.prototype as object), prototypesOf(target)]) {
    for (const proto of chain) {
      for (const key of Reflect.ownKeys(proto)) {
        if (guardInfoOf(Object.getOwnPropertyDescriptor(proto, key)?.value) === undefined) continue;
        const nearest = chain.find((p) => Object.hasOwn(p, key)) as object;
        if (nearest !== proto && guardInfoOf(Object.getOwnPropertyDescriptor(nearest, key)?.value) === undefined) names.add(key);
      }
    }
  }
  for (const key of hidingFields(target.prototype as object)) names.add(key);
  return [...names];
}

/** Guarded methods that a class or one above it hides by a function of each instance, which only the text of the class shows. */
function hidingFields(start: object): readonly string[] {
  const chain = prototypesOf(start);
  const guarded = new Set(guardedMethods(start));
  return chain.flatMap((proto) => {
    const type = Object.getOwnPropertyDescriptor(proto, 'constructor')?.value as object | undefined;
    return typeof type === 'function' ? [...functionFields(type)].filter((key) => guarded.has(key)) : [];
  });
}

/** @internal The names of guarded methods on a prototype or class and those above it, also of those that something nearer hides. */
export function guardedMethods(start: object): readonly PropertyKey[] {
  const found = prototypesOf(start).flatMap((proto) =>
    Reflect.ownKeys(proto).filter((key) => guardInfoOf(Object.getOwnPropertyDescriptor(proto, key)?.value) !== undefined),
  );
  return [...new Set(found)];
}

/** @internal What is wrong with a method of {@link unguardedOverrides}, and what to do. */
export function whyUnguarded(target: AnyClass, name: PropertyKey): string {
  // the nearest method is guarded, so a field of each instance hides it
  return getGuard(target, name) === undefined ? OVERRIDES : HIDES;
}

/** @internal */
export const OVERRIDES = 'overrides a guarded method, but is not guarded itself; decorate it with @AegisGuard.';
/** @internal */
export const HIDES =
  'is a function of the instance itself, from a field or an assignment, and hides a guarded method; make it a method and decorate it with @AegisGuard.';

function* methodsOf(target: AnyClass): Generator<readonly [PropertyKey, unknown]> {
  for (const chain of [prototypesOf(target.prototype as object), prototypesOf(target)]) {
    const seen = new Set<PropertyKey>();
    for (const proto of chain) {
      for (const key of Reflect.ownKeys(proto)) {
        if (!seen.has(key)) yield [key, Object.getOwnPropertyDescriptor(proto, key)?.value];
        seen.add(key);
      }
    }
  }
}

/** An object and what it inherits from, nearest first, without Object.prototype and Function.prototype. */
function prototypesOf(start: object): readonly object[] {
  const chain: object[] = [];
  for (
    let p: object | null = start;
    p !== null && p !== Object.prototype && p !== Function.prototype;
    p = Object.getPrototypeOf(p) as object | null
  ) {
    chain.push(p);
  }
  return chain;
}

/** @internal What a property holds, without running a getter. */
export function valueOf(target: object, key: PropertyKey): unknown {
  for (let p: object | null = target; p !== null; p = Object.getPrototypeOf(p) as object | null) {
    const own = Object.getOwnPropertyDescriptor(p, key);
    if (own !== undefined) return own.value;
  }
  return undefined;
}
