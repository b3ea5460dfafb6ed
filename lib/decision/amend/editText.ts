import { valueAt, parsePointer } from '../../model/snapshot/parsePointer.js';
import type { Params } from '../../model/Params.js';
import { canonicalText } from '../../common/data/canonical.js';
import { editKindOf } from './applyEdit.js';
import type { EditKind } from './applyEdit.js';

/** A value as a person typed it; or what would be one, in words. */
export type TypedValue = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly expected: string };

const EXPECTED: Readonly<Record<EditKind, string>> = {
  null: 'JSON, such as "a text" in quotes, 10 or true',
  text: 'a text',
  number: 'a number, such as 200 or 12.5',
  boolean: 'true or false',
  bigint: 'a whole number',
  date: 'a time such as 2026-01-31T12:00:00.000Z',
  list: 'a list in JSON, such as ["a", "b"]',
  object: 'an object in JSON, such as {"a": 1}',
};

/** What a person would type for a value: a text as it is, everything else as JSON, a date as its time. */
export function editText(value: unknown): string {
  switch (editKindOf(value)) {
    case 'text':
      return value as string;
    case 'bigint':
      return String(value);
    case 'date':
      return (value as Date).toISOString();
    default:
      return value === undefined ? '' : canonicalText(value);
  }
}

/**
 * Reads what a person typed.
 *
 * @param present what is there now, which says of what kind the value must be; `undefined` where there is nothing, and then it is JSON
 */
export function readEditText(text: string, present: unknown): TypedValue {
  const kind = present === undefined ? 'null' : editKindOf(present);
  const value = valueOf(text, kind);
  const isRight = value !== undefined && (kind === 'null' || editKindOf(value) === kind);
  return isRight ? { ok: true, value } : { ok: false, expected: EXPECTED[kind] };
}

/** Values as they come in JSON: a text stands where the call has a BigInt or a date. What is not right stays as it is, and is refused as an edit. */
export function typedValues(set: Readonly<Record<string, unknown>>, params: Params): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(set).map(([pointer, value]) => {
      const path = parsePointer(pointer);
      const present = path && valueAt(params, path);
      const kind = present === undefined ? undefined : editKindOf(present);
      if (typeof value !== 'string' || (kind !== 'bigint' && kind !== 'date')) return [pointer, value];
      const typed = readEditText(value, present);
      return [pointer, typed.ok ? typed.value : value];
    }),
  );
}

function valueOf(text: string, kind: EditKind): unknown {
  if (kind === 'text') return text;
  if (kind === 'bigint') return /^(?:0|-?[1-9][0-9]{0,4095})$/.test(text) ? BigInt(text) : undefined;
  if (kind === 'date') {
    const date = new Date(text);
    return !Number.isNaN(date.getTime()) && date.toISOString() === text ? date : undefined;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
