import { QuantityValue, type RecordValue, SetValue, type Value, EntityValue, IpValue, NullValue } from '../value/Value.js';
import { decimalText } from '../value/literals.js';

/** A value of Cedar's extension types, in Cedar's JSON form. */
export interface CedarExtension {
  readonly __extn: { readonly fn: string; readonly arg: string } | { readonly fn: 'offset'; readonly args: readonly CedarExtension[] };
}

/** A Cedar value in Cedar's JSON form: Long, String, Boolean, Set, Record or an extension value. For cedar-wasm; only `toCedar` makes them. */
export type CedarValue = boolean | number | string | readonly CedarValue[] | CedarRecord | CedarExtension;

/** A Cedar Record: no prototype, own keys only. */
export interface CedarRecord {
  readonly [key: string]: CedarValue;
}

/** Names an entity. Two are equal where type and id are: never compare them joined. */
export interface CedarUid {
  readonly type: string;
  readonly id: string;
}

/** Of the years 0 and 10000: Cedar's texts for datetimes know those between. */
const FIRST_DATE = -62_167_219_200_000;
const END_OF_DATES = 253_402_300_800_000;

/** Data that `readValue` read, in Cedar's JSON form, which cedar-wasm takes. */
export function toCedar(value: Value): CedarValue {
  switch (typeof value) {
    case 'boolean':
    case 'number':
    case 'string':
      return value;
    case 'bigint':
      // of data, only ±2^53 get here, which a number holds exactly
      return Number(value);
    default:
      if (value instanceof QuantityValue) return writeQuantity(value);
      if (value instanceof SetValue) return value.items.map(toCedar);
      if (value instanceof EntityValue || value instanceof IpValue) throw new TypeError('data holds no entities and no addresses');
      if (value instanceof NullValue) throw new TypeError('cedar-wasm knows no null, and would take it for something that is absent');
      return toCedarRecord(value);
  }
}

/** {@link toCedar} of a record. */
export function toCedarRecord({ names, fields }: RecordValue): CedarRecord {
  const record = Object.create(null) as Record<string, CedarValue>;
  for (const [i, name] of names.entries()) record[name] = toCedar(fields[i] as Value);
  return record;
}

function writeQuantity({ kind, amount }: QuantityValue): CedarExtension {
  if (kind !== 'datetime') return extension(kind, kind === 'decimal' ? decimalText(amount) : `${amount}ms`);
  if (amount >= FIRST_DATE && amount < END_OF_DATES) return extension(kind, new Date(Number(amount)).toISOString());
  // written as a distance
  return { __extn: { fn: 'offset', args: [extension(kind, '1970-01-01'), extension('duration', `${amount}ms`)] } };
}

function extension(fn: string, arg: string): CedarExtension {
  return { __extn: { fn, arg } };
}
