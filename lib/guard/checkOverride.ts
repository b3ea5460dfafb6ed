import { GuardDefinitionError } from '../model/errors/SetupErrors.js';
import { functionFields } from './method/functionFields.js';
import { agentDefaultsOf, guardInfoOf, HIDES, OVERRIDES, valueOf } from './method/guardMetadata.js';
import type { GuardSpec } from './method/GuardSpec.js';
import type { LooseGuardOptions } from './method/LooseGuardOptions.js';
import { ownOverridesAtCall } from './method/ownOverrides.js';
import { currentHandle, runtimeOf } from './call/GuardRuntime.js';
import type { GuardRuntime } from './call/GuardRuntime.js';

/**
 * Refuses an undecorated override of a guarded method, which would run unguarded. Called in the constructor of every instance of a class with a guarded
 * method, and so of its subclasses. Refuses only where the guarded function is still further up the prototype chain, so that a test may replace it.
 */
export function checkOverride(self: object, key: string | symbol, guarded: unknown, options: LooseGuardOptions): void {
  const seen = valueOf(self, key);
  const isOverridden = seen !== guarded && guardInfoOf(seen) === undefined;
  // its fields are not there yet: only the text of its class shows them
  const isOwn = !isOverridden && isField(self, key);
  if ((!isOverridden && !isOwn) || !sitsBelow(self, key, guarded)) return;
  const onClass = agentDefaultsOf(self);
  report(self, key, isOwn, onClass?.onUnguardedOverride ?? modeOfModule(options.module ?? onClass?.module) ?? 'throw');
}

/**
 * Refuses a call on an object whose own properties hide a guarded method, or whose class overrides one: what hides it runs unguarded, but any other
 * guarded method of the object is a moment to say so. A stand-in of a test is left alone.
 *
 * @throws GuardDefinitionError unless the class or the module says otherwise
 */
export function checkOwnOverrides(self: unknown, spec: GuardSpec, { onUnguardedOverride }: GuardRuntime): void {
  if ((typeof self !== 'object' && typeof self !== 'function') || self === null) return;
  const hidden = ownOverridesAtCall(self, spec);
  if (hidden === undefined) return;
  for (const key of hidden) {
    if (isTestDouble(Object.getOwnPropertyDescriptor(self, key)?.value)) continue;
    report(self, key, true, agentDefaultsOf(self)?.onUnguardedOverride ?? onUnguardedOverride);
  }
}

/** The functions that sinon, Jest, Vitest and node:test put in place of a method. */
function isTestDouble(value: unknown): boolean {
  return typeof value === 'function' && ['isSinonProxy', '_isMockFunction', 'mock'].some((mark) => mark in value);
}

/** What was warned of, by class: a warning for each instance would be noise. */
const warned = new WeakMap<object, Set<PropertyKey>>();

function report(self: object, key: PropertyKey, isOwn: boolean, mode: 'throw' | 'warn' | 'ignore'): void {
  if (mode === 'ignore') return;
  const message = `${classNameOf(self)}.${String(key)} ${isOwn ? HIDES : OVERRIDES}`;
  if (mode === 'throw') throw new GuardDefinitionError(message);
  const type = Object.getPrototypeOf(self) as object;
  const before = warned.get(type) ?? new Set();
  warned.set(type, before);
  if (before.has(key)) return;
  before.add(key);
  process.emitWarning(message, 'AegisWarning');
}

function isField(self: object, key: PropertyKey): boolean {
  for (let p = Object.getPrototypeOf(self) as object | null; p !== null; p = Object.getPrototypeOf(p) as object | null) {
    const type = Object.getOwnPropertyDescriptor(p, 'constructor')?.value as unknown;
    if (typeof type === 'function' && functionFields(type).has(key as string)) return true;
  }
  return false;
}

function sitsBelow(self: object, key: string | symbol, guarded: unknown): boolean {
  for (let p = Object.getPrototypeOf(self) as object | null; p !== null; p = Object.getPrototypeOf(p) as object | null) {
    if (Object.getOwnPropertyDescriptor(p, key)?.value === guarded) return true;
  }
  return false;
}

/** Construction may come before configure(): then there is no mode to read yet. */
function modeOfModule(module: LooseGuardOptions['module']): 'throw' | 'warn' | 'ignore' | undefined {
  const handle = typeof module === 'object' ? module : currentHandle();
  return handle === undefined ? undefined : runtimeOf(handle).onUnguardedOverride;
}

function classNameOf(self: object): string {
  const constructor: unknown = typeof self === 'function' ? self : self.constructor;
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a subclass';
}
