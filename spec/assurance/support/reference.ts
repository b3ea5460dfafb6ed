import { types } from 'node:util';

/** What a getter says when it is read first: oracles look here, because reading is what they check. */
export const FIRST_SAID: WeakMap<() => unknown, unknown> = new WeakMap();

/** What RULES 9 lets into a call, by a walk of its own: the copy that has to run, or that the value has to be refused. */
export type Reference = { readonly accepted: true; readonly copy: unknown; readonly hasNull: boolean } | { readonly accepted: false };

class Refused extends Error {}

const FORBIDDEN = ['__proto__', 'constructor', 'prototype', '__entity', '__extn', '__expr'];
const DEPTH = 32;
const ITEMS = 10_000;
const BYTES = 262_144;

interface Walk {
  items: number;
  bytes: number;
  hasNull: boolean;
}

/** The reference for params by name; a value counts one level more than it would alone. */
export function referenceOf(params: Readonly<Record<string, unknown>>): Reference {
  const walk: Walk = { items: 0, bytes: 0, hasNull: false };
  try {
    const copy = data(params, 1, walk);
    if (walk.items > ITEMS || walk.bytes > BYTES) return { accepted: false };
    return { accepted: true, copy, hasNull: walk.hasNull };
  } catch (error) {
    if (error instanceof Refused) return { accepted: false };
    throw error;
  }
}

function data(value: unknown, level: number, walk: Walk): unknown {
  if (value === null) walk.hasNull = true;
  if (value === null || typeof value === 'boolean') return leaf(value, 8, walk);
  if (typeof value === 'string') return leaf(value, Buffer.byteLength(value), walk);
  if (typeof value === 'number' && Number.isFinite(value)) return leaf(value === 0 ? 0 : value, 8, walk);
  if (typeof value === 'bigint') return leaf(value, Math.max(8, value.toString(16).length), walk);
  if (typeof value !== 'object' || types.isProxy(value) || level > DEPTH) throw new Refused();
  const proto: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value) && proto === Array.prototype) return list(value, level, walk);
  if (types.isDate(value) && proto === Date.prototype) {
    const time = Date.prototype.getTime.call(value);
    if (Number.isNaN(time)) throw new Refused();
    return leaf(new Date(time), 8, walk);
  }
  if (proto !== Object.prototype && proto !== null) throw new Refused();
  return record(value, level, walk);
}

function leaf<T>(value: T, bytes: number, walk: Walk): T {
  walk.bytes += bytes;
  return value;
}

function list(value: readonly unknown[], level: number, walk: Walk): unknown[] {
  count(value.length, walk);
  if (Object.keys(value).length !== value.length) throw new Refused();
  return Array.from({ length: value.length }, (_, i) => {
    if (!Object.hasOwn(value, i)) throw new Refused();
    return data(read(value, String(i)), level + 1, walk);
  });
}

function record(value: object, level: number, walk: Walk): Record<string, unknown> {
  const keys = Object.keys(value);
  count(keys.length, walk);
  const copy: Record<string, unknown> = {};
  for (const key of keys) {
    if (FORBIDDEN.includes(key)) throw new Refused();
    const item = read(value, key);
    // left out is what an undefined property is
    if (item === undefined) continue;
    walk.bytes += Buffer.byteLength(key);
    copy[key] = data(item, level + 1, walk);
  }
  for (const symbol of Object.getOwnPropertySymbols(value))
    if (Object.getOwnPropertyDescriptor(value, symbol)?.enumerable === true) throw new Refused();
  return copy;
}

function count(more: number, walk: Walk): void {
  walk.items += more;
  walk.bytes += more * 2;
  if (walk.items > ITEMS) throw new Refused();
}

/** Runs no getter: what one says first is known. */
function read(value: object, key: string): unknown {
  const own = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor;
  if (own.get === undefined) return own.value;
  if (!FIRST_SAID.has(own.get)) throw new Refused();
  return FIRST_SAID.get(own.get);
}
