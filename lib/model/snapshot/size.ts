import { types } from 'node:util';

const SMALL_BITS = 1n << 4_096n;

/** Bytes of a BigInt as it is written; `most + 1` for a larger one, whose text would itself be the attack. */
export function bigintBytes(value: bigint, most: number): number {
  if (value >= -9007199254740992n && value <= 9007199254740992n) return 8;
  const size = value < 0n ? -value : value;
  if (size >= SMALL_BITS && size >= 1n << BigInt(most * 4)) return most + 1;
  return size.toString(16).length;
}

/** Bytes of all keys and strings of a copy in UTF-8, with 8 for every other value and 2 for each key or item. */
export function exactBytes(value: unknown, most: number): number {
  // no text is shorter in UTF-8 than it is long: a huge one need not be read
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
