import { canonicalText } from '../../common/data/canonical.js';
import { Masked } from '../../common/data/Masked.js';
import { isPlainObject } from '../../common/data/plainObject.js';

/** A value as JSON in its canonical form, with a note in place of what is not shown. */
export function viewText(value: unknown): string {
  if (value instanceof Masked) return value.note;
  if (Array.isArray(value)) return `[${value.map(viewText).join(',')}]`;
  if (!isPlainObject(value)) return canonicalText(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${viewText(value[name])}`).join(',')}}`;
}

/** A view as plain JSON: notes are texts. */
export function notesIn(value: unknown): unknown {
  if (value instanceof Masked) return value.note;
  if (Array.isArray(value)) return value.map(notesIn);
  return isPlainObject(value) ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, notesIn(inner)])) : value;
}
