import { isPlainObject } from '../../common/data/plainObject.js';

/** Whether it is a list in which a name is the place of an item, perhaps beyond its end. */
export function isIndexed(root: unknown, name: string): root is readonly unknown[] {
  return Array.isArray(root) && /^(?:0|[1-9][0-9]*)$/.test(name);
}

/**
 * What may hold the value of a path: the value itself, or what a call has in place of an object on the way there, in which no pointer names it.
 *
 * @returns `undefined` where nothing does
 */
export function heldAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const name of path) {
    if (!isIndexed(value, name) && !isPlainObject(value)) return value ?? undefined;
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
