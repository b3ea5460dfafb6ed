import { guardInfoOf, guardedMethods } from './guardMetadata.js';

/** The guarded methods of each prototype, as they were when one of its objects was first looked at. */
const known = new WeakMap<object, readonly PropertyKey[]>();

/**
 * The guarded methods of an instance or class that properties of its own hide: fields that hold a function, what its constructor assigned, accessors. A
 * method that is bound hides nothing, because `bind` of a guarded method keeps the guard.
 */
export function ownOverrides(self: object): readonly PropertyKey[] {
  const above = Object.getPrototypeOf(self) as object | null;
  if (above === null) return NONE;
  let names = known.get(above);
  if (names === undefined) known.set(above, (names = guardedMethods(above)));
  let found: PropertyKey[] | undefined;
  for (const name of names) {
    if (!Object.hasOwn(self, name)) continue;
    if (guardInfoOf(Object.getOwnPropertyDescriptor(self, name)?.value) === undefined) (found ??= []).push(name);
  }
  return found ?? NONE;
}

const NONE: readonly PropertyKey[] = Object.freeze([]);
