import { types } from 'node:util';
import { setOwn } from '../../common/data/plainObject.js';

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
