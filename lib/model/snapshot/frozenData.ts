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
  const isList = Array.isArray(value);
  if (depth > MAX_DEPTH || (!isList && !isPlainObject(value))) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  copies.set(value, value);
  let changed = !Object.isFrozen(value);
  const keys = Object.keys(value);
  // every change of every task comes through here: a loop takes half of what a closure does
  const items = new Array<unknown>(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const item = (value as Record<string, unknown>)[keys[i] as string];
    const frozen = typeof item === 'object' ? frozenWithin(item, copies, depth + 1) : item;
    if (frozen !== item) changed = true;
    items[i] = frozen;
  }
  if (!changed) return value;
  const copy = (isList ? [] : {}) as Record<string, unknown>;
  for (let i = 0; i < keys.length; i++) setOwn(copy, keys[i] as string, items[i]);
  if (isList) (copy as unknown as unknown[]).length = value.length;
  copies.set(value, copy);
  return Object.freeze(copy);
}
