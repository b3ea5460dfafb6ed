import { types } from 'node:util';
import { FORBIDDEN_KEYS } from '../model/names.js';
import type { CedarExtension, CedarRecord, CedarValue } from './CedarValue.js';

/** Far above what a snapshot holds (32), far below what cedar-wasm takes (125). */
const MAX_DEPTH = 64;

const LARGEST_DECIMAL = 922_337_203_685_477;
/** Not Date.UTC, which reads years below 100 as 19xx. */
const FIRST_DATE = new Date(0).setUTCFullYear(0, 0, 1);
const LAST_DATE = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * Turns what a snapshot holds into Cedar's JSON form:
 *
 * | JavaScript | Cedar |
 * |---|---|
 * | boolean, string | Boolean, String (lone surrogates become U+FFFD) |
 * | safe integer, BigInt up to ±2^53 | Long |
 * | other number that is exact in at most 4 decimals and in range | decimal |
 * | any other number or BigInt | String: never rounded, and comparing it as a number is an error, which denies |
 * | Date | datetime |
 * | array | Set |
 * | object | Record |
 * | null, undefined | left out |
 *
 * Data cannot pose as anything else: the keys by which Cedar's JSON marks entities and extension values are refused.
 *
 * @throws TypeError for any other kind, a forbidden key, keys that become equal, more than 64 levels
 */
export function toCedar(value: unknown): CedarValue | undefined {
  return convert(value, 0);
}

/** {@link toCedar} of an object. */
export function toCedarRecord(value: object): CedarRecord {
  return record(value, 0);
}

/** A text in which lone surrogates are U+FFFD: Cedar's texts are UTF-8. For ids too. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** A point in time as Cedar's datetime. */
export function toDatetime(ms: number): CedarExtension {
  // Cedar's texts know years 0 to 9999 only; other times are written as a distance
  if (ms >= FIRST_DATE && ms <= LAST_DATE) return extension('datetime', new Date(ms).toISOString());
  if (!Number.isInteger(ms)) throw new TypeError('an invalid Date has no Cedar form');
  return { __extn: { fn: 'offset', args: [extension('datetime', '1970-01-01'), extension('duration', `${ms}ms`)] } };
}

function extension(fn: string, arg: string): CedarExtension {
  return { __extn: { fn, arg } };
}

function convert(value: unknown, depth: number): CedarValue | undefined {
  switch (typeof value) {
    case 'undefined':
      return undefined;
    case 'boolean':
      return value;
    case 'string':
      return wellFormed(value);
    case 'number':
      return number(value);
    case 'bigint':
      return value >= -9007199254740992n && value <= 9007199254740992n ? Number(value) : String(value);
    case 'object':
      if (value === null) return undefined;
      if (depth >= MAX_DEPTH) throw new TypeError(`a value is nested deeper than ${MAX_DEPTH}`);
      if (Array.isArray(value)) return set(value, depth);
      if (types.isDate(value)) return toDatetime(Date.prototype.getTime.call(value));
      return record(value, depth);
    default:
      throw new TypeError(`a ${typeof value} has no Cedar form`);
  }
}

function number(value: number): CedarValue {
  // + 0 makes -0 a plain 0
  if (Number.isSafeInteger(value)) return value + 0;
  if (!Number.isFinite(value)) throw new TypeError(`the number ${value} has no Cedar form`);
  if (Math.abs(value) < LARGEST_DECIMAL) {
    const text = value.toFixed(4);
    if (Number(text) === value) return extension('decimal', text);
  }
  return String(value);
}

function set(items: readonly unknown[], depth: number): CedarValue[] {
  const values: CedarValue[] = [];
  for (const item of items) {
    const value = convert(item, depth + 1);
    if (value !== undefined) values.push(value);
  }
  return values;
}

function record(value: object, depth: number): CedarRecord {
  const proto: unknown = Object.getPrototypeOf(value);
  // a Promise or a Map would else arrive as an empty record, and every `has` on it be false
  if (proto !== null && proto !== Object.prototype) throw new TypeError('only plain objects have a Cedar form');
  const fields = Object.create(null) as Record<string, CedarValue>;
  for (const key of Object.keys(value)) {
    const name = wellFormed(key);
    if (FORBIDDEN_KEYS.has(name)) throw new TypeError(`the key '${name}' is not allowed`);
    const field = convert((value as Record<string, unknown>)[key], depth + 1);
    if (field === undefined) continue;
    if (name !== key && (name in fields || Object.hasOwn(value, name))) throw new TypeError('two keys are equal in Cedar');
    fields[name] = field;
  }
  return fields;
}
