import { guardInfoOf, guardedMethods } from './guardMetadata.js';
import type { GuardSpec } from './GuardSpec.js';

/** The guarded methods of each prototype, as they were when one of its objects was first looked at. */
const known = new WeakMap<object, readonly PropertyKey[]>();

/**
 * The guarded methods of an instance or class that properties of its own hide: fields that hold a function, what its constructor assigned, accessors. A
 * method that is bound hides nothing, because `bind` of a guarded method keeps the guard.
 */
export function ownOverrides(self: object): readonly PropertyKey[] {
  const above = Object.getPrototypeOf(self) as object | null;
  return above === null ? [] : (hiddenOf(self, methodsAbove(above)) ?? []);
}

/** As {@link ownOverrides}, before each call of a guard, which remembers the class of its last one. @returns `undefined` where nothing is hidden */
export function ownOverridesAtCall(self: object, spec: GuardSpec): readonly PropertyKey[] | undefined {
  const above = Object.getPrototypeOf(self) as object | null;
  if (above === null) return undefined;
  if (spec.lastPrototype !== above) {
    spec.lastMethods = methodsAbove(above);
    spec.lastPrototype = above;
  }
  return hiddenOf(self, spec.lastMethods);
}

function methodsAbove(above: object): readonly PropertyKey[] {
  let names = known.get(above);
  if (names === undefined) known.set(above, (names = guardedMethods(above)));
  return names;
}

function hiddenOf(self: object, names: readonly PropertyKey[]): readonly PropertyKey[] | undefined {
  let found: PropertyKey[] | undefined;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as PropertyKey;
    if (!Object.hasOwn(self, name)) continue;
    if (guardInfoOf(Object.getOwnPropertyDescriptor(self, name)?.value) === undefined) (found ??= []).push(name);
  }
  return found;
}
