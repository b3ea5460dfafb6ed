import * as crypto from 'node:crypto';
import { types } from 'node:util';
import { isPlainObject } from './plainObject.js';

/**
 * Writes a value as text that is equal exactly for equal values: object keys are sorted and each kind is written in its own way (`1` differs from
 * `"1"`, a date from its number, 1n from 1). Strings go through JSON.stringify, which escapes lone surrogates, so that two strings never become
 * equal in UTF-8.
 *
 * @param value what a snapshot can hold: JSON values with finite numbers, Date, BigInt
 * @throws TypeError for anything else
 */
export function canonicalText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      // String(-0) is '0': snapshots have made it 0 already
      if (Number.isFinite(value)) return String(value);
      break;
    case 'bigint':
      return `${value}n`;
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return canonicalArray(value);
      if (types.isDate(value)) return canonicalDate(value);
      if (isPlainObject(value)) return canonicalObject(value);
      break;
    default:
  }
  throw new TypeError(`a ${typeof value} has no canonical form`);
}

function canonicalDate(date: Date): string {
  const time = Date.prototype.getTime.call(date);
  if (Number.isNaN(time)) throw new TypeError('an invalid Date has no canonical form');
  return `@${time}`;
}

function canonicalArray(items: readonly unknown[]): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) text += (i === 0 ? '' : ',') + canonicalText(items[i]);
  return `${text}]`;
}

function canonicalObject(object: Readonly<Record<string, unknown>>): string {
  const keys = Object.keys(object).sort();
  let text = '{';
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    text += `${i === 0 ? '' : ','}${JSON.stringify(key)}:${canonicalText(object[key])}`;
  }
  return `${text}}`;
}

/** @internal How a runtime with that `crypto.hash` makes a SHA-256. */
export function sha256By(hash: typeof crypto.hash | undefined): (text: string) => string {
  return hash === undefined ? (text) => crypto.createHash('sha256').update(text).digest('hex') : (text) => hash('sha256', text);
}

/** SHA-256 of text, as 64 hex digits. `crypto.hash` costs half as much as a Hash object, which runtimes without it use. */
export const sha256: (text: string) => string = sha256By(crypto.hash);

/** SHA-256 of {@link canonicalText}, as 64 hex digits. */
export function canonicalDigest(value: unknown): string {
  return sha256(canonicalText(value));
}

/** Whether two values are equal in all that counts for a decision. */
export function isSameData(one: unknown, other: unknown): boolean {
  return one === other || canonicalText(one) === canonicalText(other);
}
