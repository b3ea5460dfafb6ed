import { types } from 'node:util';
import { isRootPrototype, kindOf, setOwn } from '../../common/data/plainObject.js';
import { UnsupportedParamError } from '../errors/CallErrors.js';
import { FORBIDDEN_KEYS, pointer } from '../Params.js';

/** How large a snapshot may be. */
export interface SnapshotLimits {
  /**
   * Bytes of all keys and strings in UTF-8, plus 8 for every other value.
   *
   * @defaultValue 262,144
   */
  readonly maxBytes: number;
  /**
   * Depth of nested objects and arrays.
   *
   * @defaultValue 32
   */
  readonly maxDepth: number;
  /**
   * Object keys and array items in total.
   *
   * @defaultValue 10,000
   */
  readonly maxKeys: number;
}

/** The limits of a snapshot unless others are given. */
export const DEFAULT_LIMITS: SnapshotLimits = { maxBytes: 262_144, maxDepth: 32, maxKeys: 10_000 };

/** The state of one walk through a value. */
export interface Walk {
  readonly limits: SnapshotLimits;
  keys: number;
  /** An upper bound of the bytes; the exact count is only taken when this passes the limit. */
  bytes: number;
  firstNull: string | undefined;
}

/** `at` names the parent and `key` the value in it: the pointer of a plain value is only built to refuse it. */
export function copyValue(value: unknown, parent: string, key: string | undefined, depth: number, walk: Walk): unknown {
  switch (typeof value) {
    case 'string':
      walk.bytes += value.length * 3;
      return value;
    case 'boolean':
      walk.bytes += 8;
      return value;
    case 'number':
      walk.bytes += 8;
      if (!Number.isFinite(value)) throw unsupported(within(parent, key), `the number ${value}`);
      return value === 0 ? 0 : value; // -0 and 0 are one value
    case 'bigint': {
      const bytes = bigintBytes(value, walk.limits.maxBytes);
      walk.bytes += bytes;
      if (bytes > walk.limits.maxBytes) throw unsupported(within(parent, key), 'a BigInt larger than the size limit');
      return value;
    }
    case 'object':
      if (value === null) {
        walk.firstNull ??= within(parent, key);
        walk.bytes += 8;
        return null;
      }
      return copyObject(value, within(parent, key), depth, walk);
    default:
      throw unsupported(within(parent, key), value === undefined ? 'undefined' : `a ${typeof value}`);
  }
}

function copyObject(value: object, at: string, depth: number, walk: Walk): unknown {
  if (types.isProxy(value)) throw unsupported(at, kindOf(value));
  if (depth >= walk.limits.maxDepth)
    throw new UnsupportedParamError(
      at,
      `${place(shortened(at))} is nested deeper than ${walk.limits.maxDepth} levels, or holds itself; flatten it.`,
    );
  if (Array.isArray(value)) return copyArray(value, at, depth, walk);
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null && !isRootPrototype(proto as object)) {
    if (types.isDate(value)) return copyDate(value, at, walk);
    throw unsupported(at, kindOf(value));
  }
  return copyRecord(value as Record<string, unknown>, at, depth, walk);
}

/** Copies own enumerable properties; also used for `plain` class instances, whose prototype is not plain. */
export function copyRecord(value: Record<string, unknown>, at: string, depth: number, walk: Walk): Record<string, unknown> {
  const keys = Object.keys(value);
  count(keys.length, at, walk);
  const copy: Record<string, unknown> = {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (FORBIDDEN_KEYS.has(key)) throw forbiddenKey(at, key);
    const item = value[key];
    if (item === undefined) continue;
    walk.bytes += key.length * 3;
    setOwn(copy, key, copyValue(item, at, key, depth + 1, walk));
  }
  if (Object.getOwnPropertySymbols(value).length > 0) refuseSymbols(value, at);
  return copy;
}

function copyArray(value: readonly unknown[], at: string, depth: number, walk: Walk): unknown[] {
  const proto = Object.getPrototypeOf(value) as object | null;
  if (proto !== Array.prototype && !(Array.isArray(proto) && isRootPrototype(Object.getPrototypeOf(proto) as object | null)))
    throw unsupported(at, kindOf(value));
  const length = value.length;
  count(length, at, walk);
  // defines its items, where an assignment would look for setters on the prototype
  const copy = Array.from({ length }, (_, i) => {
    if (!Object.hasOwn(value, i)) throw unsupported(pointer(at, String(i)), 'a hole in an array');
    return copyValue(value[i], at, String(i), depth + 1, walk);
  });
  if (Object.keys(value).length !== length) throw unsupported(at, 'an array with named properties');
  return copy;
}

function copyDate(value: Date, at: string, walk: Walk): Date {
  const proto = Object.getPrototypeOf(value) as object;
  // a test's fake clock replaces Date by a subclass: what is Date now is accepted
  if (proto !== Date.prototype && !isRootPrototype(Object.getPrototypeOf(proto) as object | null)) throw unsupported(at, kindOf(value));
  // the prototype's own method: an own `getTime` of the value is never called
  const time = Date.prototype.getTime.call(value);
  if (Number.isNaN(time)) throw unsupported(at, 'an invalid Date');
  walk.bytes += 8;
  return new Date(time);
}

export function count(more: number, at: string, walk: Walk): void {
  walk.keys += more;
  walk.bytes += more * 2;
  if (walk.keys > walk.limits.maxKeys) {
    throw new UnsupportedParamError(
      at,
      `${place(at)} has more than ${walk.limits.maxKeys} keys and items. Pass a reference to the data instead.`,
    );
  }
}

function refuseSymbols(value: object, at: string): void {
  const named = Object.getOwnPropertySymbols(value).find((s) => Object.getOwnPropertyDescriptor(value, s)?.enumerable === true);
  if (named !== undefined) throw unsupported(pointer(at, String(named)), 'a symbol key');
}

function forbiddenKey(at: string, key: string): UnsupportedParamError {
  return new UnsupportedParamError(pointer(at, key), `The key '${key}' is not allowed at ${at === '' ? 'the top' : at}; rename it.`);
}

export function unsupported(at: string, kind: string): UnsupportedParamError {
  if (kind === 'a Promise')
    return new UnsupportedParamError(at, `${place(at)} is a Promise, which cannot be copied; await it before the call.`);
  return new UnsupportedParamError(
    at,
    `${place(at)} is ${kind}, which cannot be copied; pass plain data (JSON values, Date, BigInt), or name the parameter in \`opaque\`${kind === 'a class instance' ? ', or in `plain` to decide on its own data' : ''}.`,
  );
}

/** The start of a long path: that of an object which holds itself would repeat one key to the last level. */
function shortened(at: string): string {
  return at.length <= 64 ? at : `${at.slice(0, 64)}…`;
}

export function place(at: string): string {
  return at === '' ? 'The value' : `The value at ${at}`;
}

function within(parent: string, key: string | undefined): string {
  return key === undefined ? parent : pointer(parent, key);
}

const SMALL_BITS = 1n << 4_096n;

/** Bytes of a BigInt in hex; `most + 1` for a larger one, because writing it out would itself be the attack. */
export function bigintBytes(value: bigint, most: number): number {
  if (value >= -9007199254740992n && value <= 9007199254740992n) return 8;
  const size = value < 0n ? -value : value;
  if (size >= SMALL_BITS && size >= 1n << BigInt(most * 4)) return most + 1;
  return size.toString(16).length;
}

/** Bytes of all keys and strings of a copy in UTF-8, plus 8 for every other value and 2 for each key or item. */
export function exactBytes(value: unknown, most: number): number {
  // a string has at least as many bytes in UTF-8 as characters: a huge one need not be read
  if (typeof value === 'string') return value.length > most ? most + 1 : Buffer.byteLength(value);
  if (typeof value === 'bigint') return bigintBytes(value, most);
  if (typeof value !== 'object' || value === null || types.isDate(value)) return 8;
  let bytes = 0;
  if (Array.isArray(value)) for (const item of value) bytes += 2 + exactBytes(item, most);
  else {
    for (const key of Object.keys(value)) bytes += 2 + Buffer.byteLength(key) + exactBytes((value as Record<string, unknown>)[key], most);
  }
  return bytes;
}

/** Copies the value of a snapshot; the copy may be changed freely. Its input must be a snapshot. */
export function copyData<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyData) as T;
  if (types.isDate(value)) return new Date(value.getTime()) as T;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) setOwn(copy, key, copyData((value as Record<string, unknown>)[key]));
  return copy as T;
}

/** As {@link copyData}, deep-frozen except for Dates, which cannot be frozen: code of the program gets its own copy. */
export function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as T;
  if (types.isDate(value)) return new Date(value.getTime()) as T;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) setOwn(copy, key, frozenCopy((value as Record<string, unknown>)[key]));
  return Object.freeze(copy) as T;
}
