import { types } from 'node:util';
import { isPlainObject, setOwn } from '../../common/data/plainObject.js';

/** Deeper than this, a value is kept as it is: no snapshot is, and a walk must end. */
const MAX_DEPTH = 256;

/**
 * Data that no one can change who gets it: the very value where all of it is frozen, else a deep-frozen copy. Dates cannot be frozen, so what holds one
 * is always copied. Class instances, buffers, maps, functions and the like are not data, and are kept as they are.
 */
export function frozenData<T>(value: T): T {
  try {
    return frozenWithin(value, new Map(), 0) as T;
  } catch {
    // a getter in a method's result threw
    return value;
  }
}

/** Freezes data that was just made, such as parsed text, in place. */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || types.isDate(value)) return value;
  for (const item of Object.values(value)) freezeDeep(item);
  return Object.freeze(value);
}

/** Whether it holds a Date: then each who gets the data needs a copy. */
export function holdsDate(value: unknown): boolean {
  return frozenData(value) !== value;
}

function frozenWithin(value: unknown, copies: Map<object, object>, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (types.isDate(value)) return new Date(value.getTime());
  if (depth > MAX_DEPTH || (!Array.isArray(value) && !isPlainObject(value))) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  copies.set(value, value);
  let changed = !Object.isFrozen(value);
  const keys = Object.keys(value);
  const items = keys.map((key) => {
    const item = (value as Record<string, unknown>)[key];
    const frozen = frozenWithin(item, copies, depth + 1);
    if (frozen !== item) changed = true;
    return frozen;
  });
  if (!changed) return value;
  const copy: object = Array.isArray(value) ? [] : {};
  keys.forEach((key, i) => setOwn(copy, key, items[i]));
  if (Array.isArray(value)) (copy as unknown[]).length = value.length;
  copies.set(value, copy);
  return Object.freeze(copy);
}
