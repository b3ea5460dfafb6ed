import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { GuardBinding } from './GuardBinding.js';
import { guardInfoOf, listGuards, valueOf } from './guardMetadata.js';
import type { AnyClass, GuardInfo } from './guardMetadata.js';

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
  for (const info of guards) bindingOf(info)?.belongsTo(type);
  for (const info of guards) checkSoleBinding(info.key);
  for (const info of guards) {
    // a static method runs on its class
    const isStatic = guardInfoOf(valueOf(type, info.method)) === info;
    if (!isClass || isStatic) noteInstance(bindingOf(info), isStatic ? type : target);
  }
}
