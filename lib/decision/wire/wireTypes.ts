// Values that JSON has no form for: they travel as text, and a header says at which JSON pointers they are.
import { types } from 'node:util';
import { isRecord, setOwn } from '../../common/data/plainObject.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { pointer } from '../../model/Params.js';
import { TYPES_HEADER } from './wireHeaders.js';

/** What a text on the wire is in the call. */
export type WireType = 'bigint' | 'date';

/** By JSON pointer. */
export type WireTypes = Readonly<Record<string, WireType>>;

/**
 * The types of the values in a snapshot that JSON has no form for.
 *
 * @param at the JSON pointer of the value: `/params` or `/session`
 */
export function typesOf(value: unknown, at: string): WireTypes {
  const found: Record<string, WireType> = {};
  collect(value, at, found);
  return found;
}

function collect(value: unknown, at: string, found: Record<string, WireType>): void {
  if (typeof value === 'bigint') setOwn(found, at, 'bigint');
  if (typeof value !== 'object' || value === null) return;
  if (types.isDate(value)) setOwn(found, at, 'date');
  else for (const [key, item] of Object.entries(value)) collect(item, pointer(at, key), found);
}

/** Whether a value is a map from pointers to types. */
export function isWireTypes(value: unknown): value is WireTypes {
  return isRecord(value) && Object.values(value).every((type) => type === 'bigint' || type === 'date');
}

/** The most names in a pointer: JSON that is nested deeper is not read, and each pointer is looked at once for each of its names. */
const MAX_NAMES = 66;

/**
 * Restores values from their texts: what policies decide on, people see and digests are made of is what the caller has.
 *
 * @param wire what was sent, by the first name of the pointers; it is not changed
 * @returns the same with a BigInt or Date at each pointer; what holds none of them is not copied
 * @throws BadRequestError where a pointer names no text of that type
 */
export function restoreTypes<T extends Readonly<Record<string, unknown>>>(wire: T, wireTypes: WireTypes): T {
  const missing = new Map(Object.entries(wireTypes));
  if (missing.size === 0) return wire;
  if ([...missing.keys()].some(isTooDeep)) throw malformed(`pointers of at most ${MAX_NAMES} names, such as /params/amount`);
  const restored = restoreWithin(wire, '', missing, new Set([...missing.keys()].flatMap(parentsOf))) as T;
  if (missing.size === 0) return restored;
  throw malformed('pointers that each name a value of the params or the session, such as /params/amount');
}

function restoreWithin(value: unknown, at: string, missing: Map<string, WireType>, parents: ReadonlySet<string>): unknown {
  const type = missing.get(at);
  if (type !== undefined) {
    missing.delete(at);
    return typed(value, type);
  }
  if (!parents.has(at) || typeof value !== 'object' || value === null) return value;
  const copy = (Array.isArray(value) ? [] : {}) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) setOwn(copy, key, restoreWithin(item, pointer(at, key), missing, parents));
  return copy;
}

function isTooDeep(at: string): boolean {
  return at.split('/', MAX_NAMES + 2).length > MAX_NAMES + 1;
}

/** The pointers of all that a value is in. */
function parentsOf(at: string): string[] {
  const names = at.split('/');
  return names.slice(0, -1).map((_, i) => names.slice(0, i + 1).join('/'));
}

/** A longer number takes its reader long. */
const INTEGER = /^(?:0|-?[1-9][0-9]{0,4095})$/;

/** The value in its only spelling, so that it is the same text again on the way back. */
function typed(value: unknown, type: WireType): bigint | Date {
  if (typeof value === 'string') {
    if (type === 'bigint' && INTEGER.test(value)) return BigInt(value);
    const date = new Date(value);
    if (type === 'date' && !Number.isNaN(date.getTime()) && date.toISOString() === value) return date;
  }
  throw malformed(
    type === 'bigint' ? 'a bigint to be a text of at most 4,096 decimal digits' : 'a date to be a text such as 2026-01-31T12:00:00.000Z',
  );
}

function malformed(expected: string): BadRequestError {
  return new BadRequestError(`The header ${TYPES_HEADER} does not fit the request: expected ${expected}.`);
}
