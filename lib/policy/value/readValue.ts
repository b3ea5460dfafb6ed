import { types } from 'node:util';
import { FORBIDDEN_KEYS } from '../../model/Params.js';
import { EMPTY_RECORD, type Long, NULL, QuantityValue, RecordValue, SetValue, type Value, wellFormed } from './Value.js';
import { toLong } from './longs.js';

/** Far above what a snapshot holds (32), far below what cedar-wasm takes (125). */
const MAX_DEPTH = 64;

const LARGEST_DECIMAL = 922_337_203_685_477;
/** Below this, no two decimals share a number, and ten-thousandths are counted without an error. */
const EASY_DECIMAL = 1e11;
/** Not Date.UTC, which reads years below 100 as 19xx. */
const FIRST_DATE = new Date(0).setUTCFullYear(0, 0, 1);
const LAST_DATE = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * Turns what a snapshot holds into a Cedar value. The only place that does:
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
 * | undefined | left out |
 * | null | what no policy can read ({@link NULL}); in an object that is read with `nulls: 'absent'`, left out |
 *
 * Data cannot pose as anything else: an entity is never made, and the keys by which Cedar's JSON marks entities and extension values are refused.
 * Each property is read once.
 *
 * @throws TypeError for any other kind, a forbidden key, keys that become equal, more than 64 levels
 */
export function readValue(value: unknown): Value | undefined {
  return read(value, 0, NULL);
}

/**
 * {@link readValue} of an object.
 *
 * @param nulls what the nulls of objects are; those in arrays can never be read
 */
export function readRecord(value: object, nulls: 'absent' | 'unreadable' = 'unreadable'): RecordValue {
  return record(value, 0, nulls === 'absent' ? undefined : NULL);
}

/** How many nulls were read so far: what was read in between holds one if it has grown. */
let nullsRead = 0;

/** A point in time as Cedar's datetime. @throws TypeError if it is not a valid time */
export function readDatetime(ms: number): QuantityValue {
  // Cedar's texts know years 0 to 9999 only, and whole milliseconds; other times are told as a distance
  if (ms >= FIRST_DATE && ms <= LAST_DATE) return new QuantityValue('datetime', Math.trunc(ms) + 0);
  if (!Number.isSafeInteger(ms)) throw new TypeError('an invalid Date has no Cedar form');
  return new QuantityValue('datetime', ms);
}

function read(value: unknown, depth: number, ofNull: Value | undefined): Value | undefined {
  switch (typeof value) {
    case 'string':
      return wellFormed(value);
    case 'number':
      // + 0 makes -0 a plain 0
      return Number.isSafeInteger(value) ? value + 0 : fraction(value);
    case 'boolean':
      return value;
    case 'undefined':
      return undefined;
    case 'bigint':
      return value >= -9007199254740992n && value <= 9007199254740992n ? toLong(value) : String(value);
    case 'object':
      if (value === null) {
        if (ofNull !== undefined) nullsRead += 1;
        return ofNull;
      }
      if (depth >= MAX_DEPTH) throw new TypeError(`a value is nested deeper than ${MAX_DEPTH}`);
      if (Array.isArray(value)) return set(value, depth, ofNull);
      if (types.isDate(value)) return readDatetime(Date.prototype.getTime.call(value));
      return record(value, depth, ofNull);
    default:
      throw new TypeError(`a ${typeof value} has no Cedar form`);
  }
}

/** A number that is not a safe integer. */
function fraction(value: number): Value {
  if (!Number.isFinite(value)) throw new TypeError(`the number ${value} has no Cedar form`);
  if (Math.abs(value) < EASY_DECIMAL) {
    const amount = Math.round(value * 10_000);
    if (amount / 10_000 === value) return new QuantityValue('decimal', amount);
  } else if (Math.abs(value) < LARGEST_DECIMAL) {
    const text = value.toFixed(4);
    if (Number(text) === value) return new QuantityValue('decimal', toLong(BigInt(text.replace('.', ''))) as Long);
  }
  return String(value);
}

function set(items: readonly unknown[], depth: number, ofNull: Value | undefined): SetValue {
  const values: Value[] = [];
  const before = nullsRead;
  for (let i = 0; i < items.length; i++) {
    const value = read(items[i], depth + 1, ofNull);
    // an array without one of its items is another array
    if (value === undefined) nullsRead += 1;
    values.push(value ?? NULL);
  }
  return new SetValue(values, nullsRead !== before);
}

function record(value: object, depth: number, ofNull: Value | undefined): RecordValue {
  const proto: unknown = Object.getPrototypeOf(value);
  // a Promise or a Map would else arrive as an empty record, and every `has` on it be false
  if (proto !== null && proto !== Object.prototype) throw new TypeError('only plain objects have a Cedar form');
  const keys = Object.keys(value);
  if (keys.length === 0) return EMPTY_RECORD;
  // twice as quick as value[key] for each in small objects, and half as quick in those that hold their keys in a hash table
  const fields: unknown[] = keys.length <= SMALL ? Object.values(value) : keys.map((key) => (value as Record<string, unknown>)[key]);
  if (fields.length !== keys.length) throw new TypeError('an object changed while it was read');
  const names = namesOf(keys);
  const before = nullsRead;
  let complete = true;
  for (let i = 0; i < fields.length; i++) {
    const field = read(fields[i], depth + 1, ofNull);
    if (field === undefined) complete = false;
    fields[i] = field;
  }
  if (names !== undefined && complete) return new RecordValue(names, fields as Value[], nullsRead !== before);
  return pickedRecord(value, keys, fields as (Value | undefined)[], nullsRead !== before);
}

/** Lists of keys that were checked as names, in a small hash table: calls of one tool mostly have the same keys. */
const KNOWN_NAMES: (readonly string[] | undefined)[] = Array.from({ length: 256 }, () => undefined);
/** Objects of up to this many keys mostly have a shape that V8 knows. */
const SMALL = 32;
/** Only names up to this many, and this long in all, are kept. */
const KEPT_NAMES = 12;
const KEPT_LENGTH = 256;

/**
 * Keys as names of fields. Records with the same keys get the same list, so that compiled policies need not look for a field again.
 *
 * @returns undefined if a key is not well-formed; the other keys are then not checked
 * @throws TypeError for a forbidden key
 */
function namesOf(keys: readonly string[]): readonly string[] | undefined {
  const first = keys[0] as string;
  const last = keys[keys.length - 1] as string;
  const place = (keys.length * 31 + first.length * 7 + last.length * 13 + first.charCodeAt(0)) & 255;
  const known = KNOWN_NAMES[place];
  if (known !== undefined && isEqual(known, keys)) return known;
  let length = 0;
  for (const key of keys) {
    if (wellFormed(key) !== key) return undefined;
    if (FORBIDDEN_KEYS.has(key)) throw forbidden(key);
    length += key.length;
  }
  if (keys.length <= KEPT_NAMES && length <= KEPT_LENGTH) KNOWN_NAMES[place] = keys;
  return keys;
}

function forbidden(name: string): TypeError {
  return new TypeError(`the key '${name}' is not allowed`);
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A record of an object whose keys are not all well-formed, or some of whose fields are missing. */
function pickedRecord(value: object, keys: readonly string[], values: readonly (Value | undefined)[], withNull: boolean): RecordValue {
  const names: string[] = [];
  const fields: Value[] = [];
  let renamed: Set<string> | undefined;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const name = wellFormed(key);
    if (FORBIDDEN_KEYS.has(name)) throw forbidden(name);
    const field = values[i];
    if (field === undefined) continue;
    if (name !== key) {
      if (renamed?.has(name) === true || Object.hasOwn(value, name)) throw new TypeError('two keys are equal in Cedar');
      (renamed ??= new Set()).add(name);
    }
    names.push(name);
    fields.push(field);
  }
  return new RecordValue(names, fields, withNull);
}
