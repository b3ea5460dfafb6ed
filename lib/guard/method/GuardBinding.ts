import type { AnyFunction } from './MethodCall.js';
import { guardInfoOf, HIDES, listGuards, valueOf } from './guardMetadata.js';
import { ownOverrides } from './ownOverrides.js';
import type { AnyClass, GuardInfo } from './guardMetadata.js';
import type { GuardSpec } from './GuardSpec.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';

/** The instance that a stored call may run on in this process. */
export type SoleInstance = { readonly kind: 'sole'; readonly self: unknown } | { readonly kind: 'none' } | { readonly kind: 'several' };

/**
 * One guard with the function that it guards, and the instances that it was seen on. A call that another process stored names its guard by key, and runs
 * on the only instance of the class. Only the first instance is held: from the second on, stored calls need a `resolve`, even after the first was collected.
 */
export class GuardBinding {
  readonly spec: GuardSpec;
  readonly fn: AnyFunction;
  #class: AnyClass | undefined;
  #first: object | undefined;
  #several = false;
  /** Whether it guards a plain function, which needs no instance. */
  #bare: boolean;

  constructor(spec: GuardSpec, fn: AnyFunction, bare: boolean) {
    this.spec = spec;
    this.fn = fn;
    this.#bare = bare;
  }

  /** The class that the guard was registered with, or the class of the first instance. */
  get class(): AnyClass | undefined {
    return this.#class;
  }

  belongsTo(target: AnyClass): void {
    this.#class ??= target;
  }

  /** Notes that an instance was constructed, or called. @returns whether it is the first */
  seenOn(self: unknown): boolean {
    if ((typeof self !== 'object' && typeof self !== 'function') || self === null) return false;
    if (this.#first === self || this.#several) return false;
    this.#class ??= (typeof self === 'function' ? self : self.constructor) as AnyClass;
    const first = this.#first === undefined;
    this.#several = !first;
    this.#first = first ? self : undefined;
    return first;
  }

  /** Whether an object has this guard's method. A `#private` method cannot be seen, so any object is believed to have it. */
  isOf(self: object): boolean {
    const { method } = this.spec.info;
    if (typeof method === 'string' && method.startsWith('#')) return true;
    for (let at: object | null = self; at !== null; at = Object.getPrototypeOf(at) as object | null)
      if (guardInfoOf(Object.getOwnPropertyDescriptor(at, method)?.value) === this.spec.info) return true;
    return false;
  }

  get sole(): SoleInstance {
    if (this.#several) return { kind: 'several' };
    if (this.#first !== undefined) return { kind: 'sole', self: this.#first };
    return this.#bare ? { kind: 'sole', self: undefined } : { kind: 'none' };
  }

  /** The method and its class, for messages. */
  toString(): string {
    const { method } = this.spec.info;
    return this.#class === undefined ? String(method) : `${this.#class.name}.${String(method)}`;
  }
}

/** Weak, so that classes which a program makes and drops take their guards with them. */
const byKey = new Map<string, WeakRef<GuardBinding>[]>();
const byInfo = new WeakMap<GuardInfo, GuardBinding>();
const listeners = new Set<() => void>();

/** @internal Adds a guard, when it is defined. */
export function addBinding(binding: GuardBinding): void {
  const { info } = binding.spec;
  byInfo.set(info, binding);
  byKey.set(info.key, [...(byKey.get(info.key) ?? []).filter((ref) => ref.deref() !== undefined), new WeakRef(binding)]);
}

/** @internal The binding of a guard of this copy of the package. */
export function bindingOf(info: GuardInfo): GuardBinding | undefined {
  return byInfo.get(info);
}

/** @internal The guards with a key, of which there should be one. */
export function bindingsOf(key: string): readonly GuardBinding[] {
  return (byKey.get(key) ?? []).map((ref) => ref.deref()).filter((binding) => binding !== undefined);
}

/** @internal The keys of all guards. */
export function bindingKeys(): readonly string[] {
  return [...byKey.keys()];
}

/** @internal @throws ConfigError where two guards have the same key: a stored call could be for either of them */
export function checkSoleBinding(key: string): void {
  const found = bindingsOf(key);
  if (found.length < 2) return;
  const names = found.map((binding) => `'${String(binding)}'`).join(' and ');
  throw new ConfigError([
    {
      where: `guard key '${key}'`,
      message: `is used by ${names}; with a durable store each guard needs a key of its own. Give all but one of them a \`key\`.`,
    },
  ]);
}

/** @internal Notes an instance that a guard was seen on, and tells the listeners of the first one. */
export function noteInstance(binding: GuardBinding | undefined, self: unknown): void {
  if (binding?.seenOn(self) === true) for (const listener of listeners) listener();
}

/** @internal Calls a listener for the first instance of each guard. @returns a function that removes the listener */
export function onNewInstance(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @internal Binds the guards of a class to the class, and to an instance where one is given. @throws ConfigError */
export function registerGuards(target: object): void {
  const isClass = typeof target === 'function';
  const type = (isClass ? target : (target as Partial<object> | null | undefined)?.constructor) as AnyClass | undefined;
  // a function that is not a class has no prototype, or no guards
  const guards = typeof type === 'function' && typeof type.prototype === 'object' ? listGuards(type) : [];
  if (type === undefined || guards.length === 0) {
    throw new ConfigError([
      {
        where: 'register()',
        message: 'must get a class that has guarded methods, or an instance of one; decorate its methods with @AegisGuard.',
      },
    ]);
  }
  const hidden = isClass ? [] : ownOverrides(target);
  if (hidden.length > 0) throw new ConfigError(hidden.map((name) => ({ where: `${type.name}.${String(name)}`, message: HIDES })));
  for (const info of guards) bindingOf(info)?.belongsTo(type);
  for (const info of guards) checkSoleBinding(info.key);
  for (const info of guards) {
    // a static method runs on its class
    const isStatic = guardInfoOf(valueOf(type, info.method)) === info;
    if (!isClass || isStatic) noteInstance(bindingOf(info), isStatic ? type : target);
  }
}
