import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { GuardBinding } from './GuardBinding.js';
import type { GuardInfo } from './guardMetadata.js';

/** Weak: classes that a program makes and drops again take their guards with them. */
const byKey = new Map<string, WeakRef<GuardBinding>[]>();
const byInfo = new WeakMap<GuardInfo, GuardBinding>();
const listeners = new Set<() => void>();

/** @internal Every guard that is defined. */
export function addBinding(binding: GuardBinding): void {
  const { info } = binding.spec;
  byInfo.set(info, binding);
  byKey.set(info.key, [...(byKey.get(info.key) ?? []).filter((ref) => ref.deref() !== undefined), new WeakRef(binding)]);
}

/** @internal */
export function bindingOf(info: GuardInfo): GuardBinding | undefined {
  return byInfo.get(info);
}

/** @internal The guards of a key, of which there should be one. */
export function bindingsOf(key: string): readonly GuardBinding[] {
  return (byKey.get(key) ?? []).map((ref) => ref.deref()).filter((binding) => binding !== undefined);
}

/** @internal The keys of all guards there are. */
export function bindingKeys(): readonly string[] {
  return [...byKey.keys()];
}

/** @internal @throws ConfigError where two guards have one key: nobody could tell which of them a stored call is for */
export function checkSoleBinding(key: string): void {
  const found = bindingsOf(key);
  if (found.length < 2) return;
  const names = found.map((binding) => `'${String(binding)}'`).join(' and ');
  throw new ConfigError([
    { where: `guard key '${key}'`, message: `is that of ${names}; with a durable store each needs a \`key\` of its own.` },
  ]);
}

/** @internal Notes what a guard was seen on; whoever waits for an instance is told of the first. */
export function noteInstance(binding: GuardBinding | undefined, self: unknown): void {
  if (binding?.seenOn(self) === true) for (const listener of listeners) listener();
}

/** @internal Told when an instance is there that was not there before. Returns how to stop. */
export function onNewInstance(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
