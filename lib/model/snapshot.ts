import { types } from 'node:util';
import { FORBIDDEN_KEYS } from './names.js';
import { UnsupportedParamError } from './errors/CallErrors.js';

/** How large a snapshot may be. */
export interface SnapshotLimits {
  /** Bytes of all keys and strings in UTF-8, with 8 for every other value. Default 262,144. */
  readonly maxBytes: number;
  /** Nested objects and arrays. Default 32. */
  readonly maxDepth: number;
  /** Object keys and array items in all. Default 10,000. */
  readonly maxKeys: number;
}

export const DEFAULT_LIMITS: SnapshotLimits = { maxBytes: 262_144, maxDepth: 32, maxKeys: 10_000 };

interface Walk {
  readonly limits: SnapshotLimits;
  keys: number;
  /** An upper bound of the bytes; the exact count is only taken when this passes the limit. */
  bytes: number;
  firstNull: string | undefined;
}

/** A copy, and what was seen on the way. */
export interface SnapshotResult {
  readonly value: unknown;
  /** JSON pointer of the first null. */
  readonly firstNull: string | undefined;
}

/**
 * Copies data deeply, reading every property once and calling nothing of the user's but getters. Takes JSON values (finite numbers; -0 becomes
 * 0), Date and BigInt; properties that are undefined are dropped.
 *
 * @param at JSON pointer of the value, for errors
 * @throws UnsupportedParamError naming the place: another kind, a forbidden key, a limit
 */
export function takeSnapshot(value: unknown, at: string = '', limits: SnapshotLimits = DEFAULT_LIMITS): SnapshotResult {
  const walk: Walk = { limits, keys: 0, bytes: 0, firstNull: undefined };
  const copy = copyValue(value, at, undefined, 0, walk);
  if (walk.bytes > limits.maxBytes && exactBytes(copy) > limits.maxBytes) {
    throw new UnsupportedParamError(at, `${place(at)} is larger than ${limits.maxBytes} bytes; pass a reference to the data instead.`);
  }
  return { value: copy, firstNull: walk.firstNull };
}

/** `at` names the parent and `key` the value in it: the pointer of a plain value is only built to refuse it. */
function copyValue(value: unknown, parent: string, key: string | undefined, depth: number, walk: Walk): unknown {
  switch (typeof value) {
    case 'string':
      walk.bytes += value.length * 3;
      return value;
    case 'boolean':
      walk.bytes += 8;
      return value;
    case 'number':
      walk.bytes += 8;
      if (!Number.isFinite(value)) throw refused(within(parent, key), `the number ${value}`);
      return value === 0 ? 0 : value; // -0 and 0 are one value
    case 'bigint':
      walk.bytes += bigintBytes(value);
      if (walk.bytes > walk.limits.maxBytes && bigintBytes(value) > walk.limits.maxBytes)
        throw refused(within(parent, key), 'a BigInt larger than the size limit');
      return value;
    case 'object':
      if (value === null) {
        walk.firstNull ??= within(parent, key);
        walk.bytes += 8;
        return null;
      }
      return copyObject(value, within(parent, key), depth, walk);
    default:
      throw refused(within(parent, key), value === undefined ? 'undefined' : `a ${typeof value}`);
  }
}

function copyObject(value: object, at: string, depth: number, walk: Walk): unknown {
  if (types.isProxy(value)) throw refused(at, 'a Proxy');
  if (depth >= walk.limits.maxDepth) throw new UnsupportedParamError(at, `${place(at)} is nested deeper than ${walk.limits.maxDepth}.`);
  if (Array.isArray(value)) return copyArray(value, at, depth, walk);
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null && !isRootPrototype(proto as object)) {
    if (types.isDate(value)) return copyDate(value, at, walk);
    throw refused(at, describe(value));
  }
  return copyRecord(value as Record<string, unknown>, at, depth, walk);
}

/** Copies own enumerable properties; shared with `plain` class instances, whose prototype is not plain. */
function copyRecord(value: Record<string, unknown>, at: string, depth: number, walk: Walk): Record<string, unknown> {
  const keys = Object.keys(value);
  count(keys.length, at, walk);
  const copy: Record<string, unknown> = {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (FORBIDDEN_KEYS.has(key)) throw forbiddenKey(at, key);
    const item = value[key];
    if (item === undefined) continue;
    walk.bytes += key.length * 3;
    copy[key] = copyValue(item, at, key, depth + 1, walk);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) refuseSymbols(value, at);
  return copy;
}

function copyArray(value: readonly unknown[], at: string, depth: number, walk: Walk): unknown[] {
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Array.prototype && !(proto !== null && isRootPrototype(Object.getPrototypeOf(proto) as object | null)))
    throw refused(at, describe(value));
  const length = value.length;
  count(length, at, walk);
  const copy: unknown[] = new Array(length);
  for (let i = 0; i < length; i++) {
    if (!Object.hasOwn(value, i)) throw refused(pointer(at, String(i)), 'a hole in an array');
    copy[i] = copyValue(value[i], at, String(i), depth + 1, walk);
  }
  if (Object.keys(value).length !== length) throw refused(at, 'an array with named properties');
  return copy;
}

function copyDate(value: Date, at: string, walk: Walk): Date {
  const base: unknown = Object.getPrototypeOf(Object.getPrototypeOf(value) as object);
  if (!isRootPrototype(base as object | null)) throw refused(at, describe(value));
  // the prototype's own method: an own `getTime` of the value is never called
  const time = Date.prototype.getTime.call(value);
  if (Number.isNaN(time)) throw refused(at, 'an invalid Date');
  walk.bytes += 8;
  return new Date(time);
}

/** `Object.prototype` of this realm or of another. */
function isRootPrototype(proto: object | null): boolean {
  return (
    proto === Object.prototype ||
    (proto !== null &&
      Object.getPrototypeOf(proto) === null &&
      Object.hasOwn(proto, 'isPrototypeOf') &&
      Object.hasOwn(proto, 'hasOwnProperty'))
  );
}

function count(more: number, at: string, walk: Walk): void {
  walk.keys += more;
  walk.bytes += more * 2;
  if (walk.keys > walk.limits.maxKeys) {
    throw new UnsupportedParamError(at, `${place(at)} has more than ${walk.limits.maxKeys} keys and items.`);
  }
}

function refuseSymbols(value: object, at: string): void {
  const named = Object.getOwnPropertySymbols(value).find((s) => Object.getOwnPropertyDescriptor(value, s)?.enumerable === true);
  if (named !== undefined) throw refused(pointer(at, String(named)), 'a symbol key');
}

function forbiddenKey(at: string, key: string): UnsupportedParamError {
  return new UnsupportedParamError(pointer(at, key), `The key '${key}' is not allowed at ${place(at)}.`);
}

function refused(at: string, kind: string): UnsupportedParamError {
  return new UnsupportedParamError(
    at,
    `${place(at)} is ${kind}, which cannot be copied; pass plain data (JSON values, Date, BigInt), or declare the parameter opaque.`,
  );
}

function describe(value: object): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === 'Object' ? 'a class instance' : tag === 'Array' ? 'an instance of an Array subclass' : `a ${tag}`;
}

function place(at: string): string {
  return at === '' ? 'The value' : `The value at ${at}`;
}

function within(parent: string, key: string | undefined): string {
  return key === undefined ? parent : pointer(parent, key);
}

/** Appends to a JSON pointer (RFC 6901). */
export function pointer(at: string, key: string): string {
  return `${at}/${key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key}`;
}

function bigintBytes(value: bigint): number {
  // most are small; a text of a huge one would itself be the attack
  return value >= -9007199254740992n && value <= 9007199254740992n ? 8 : value.toString(16).length;
}

function exactBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'bigint') return bigintBytes(value);
  if (typeof value !== 'object' || value === null || types.isDate(value)) return 8;
  let bytes = 0;
  if (Array.isArray(value)) for (const item of value) bytes += 2 + exactBytes(item);
  else for (const key of Object.keys(value)) bytes += 2 + Buffer.byteLength(key) + exactBytes((value as Record<string, unknown>)[key]);
  return bytes;
}

/**
 * Copies the own data properties of a class instance (a DTO) whose prototype is kept by the caller.
 *
 * @throws UnsupportedParamError for an accessor, or anything {@link takeSnapshot} refuses below
 */
export function takeInstanceSnapshot(value: object, at: string, limits: SnapshotLimits = DEFAULT_LIMITS): SnapshotResult {
  if (types.isProxy(value)) throw refused(at, 'a Proxy');
  for (const key of Object.keys(value)) {
    const own = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor;
    if (own.get !== undefined || own.set !== undefined) throw refused(pointer(at, key), 'an accessor');
  }
  const walk: Walk = { limits, keys: 0, bytes: 0, firstNull: undefined };
  const copy = copyRecord(value as Record<string, unknown>, at, 0, walk);
  if (walk.bytes > limits.maxBytes && exactBytes(copy) > limits.maxBytes) throw refused(at, `larger than ${limits.maxBytes} bytes`);
  return { value: copy, firstNull: walk.firstNull };
}
