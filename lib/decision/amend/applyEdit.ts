import { types } from 'node:util';
import { setOwn } from '../../common/data/plainObject.js';
import type { Params } from '../../model/Params.js';
import { copyData } from '../../model/snapshot/copyValue.js';
import { valueAt } from '../../model/snapshot/parsePointer.js';
import type { EditStep } from './ParamsEdit.js';

type Container = Record<string, unknown> | unknown[];

const INDEX = /^(?:0|[1-9][0-9]*)$/;

/**
 * Applies an edit to a copy of the params. All pointers refer to the params as they are: values are set first, then places are left out.
 *
 * @param removable top-level params that may be left out; anything deeper may be
 * @param refuse throws, saying what is wrong
 * @throws what `refuse` throws
 */
export function applyEdit(
  params: Params,
  steps: readonly EditStep[],
  removable: readonly string[],
  refuse: (message: string) => never,
): Params {
  const copy = copyData(params) as Record<string, unknown>;
  const items: { readonly list: unknown[]; readonly index: number }[] = [];
  const fields: { readonly object: Record<string, unknown>; readonly key: string }[] = [];
  for (const step of steps) {
    const { path, pointer } = step;
    const key = path.at(-1) as string;
    const container = path.length === 1 ? copy : valueAt(copy, path.slice(0, -1));
    if (!isContainer(container)) return refuse(`There is nothing at ${pointer} in this call. Name a place that it has.`);
    const isThere = Array.isArray(container) ? INDEX.test(key) && Object.hasOwn(container, key) : Object.hasOwn(container, key);
    if (step.op === 'remove') {
      if (!isThere) return refuse(`There is nothing at ${pointer} in this call. Name a place that it has.`);
      if (path.length === 1 && !removable.includes(key))
        return refuse(`The param at ${pointer} must be there: its guard does not let it be left out.`);
      if (Array.isArray(container)) items.push({ list: container, index: Number(key) });
      else fields.push({ object: container, key });
      continue;
    }
    if (!isThere && Array.isArray(container))
      return refuse(`There is no item at ${pointer} in this call. Set the whole list to make it longer.`);
    if (isThere) checkKind((container as Record<string, unknown>)[key], step.value, pointer, refuse);
    setOwn(container, key, copyData(step.value));
  }
  for (const { object, key } of fields) delete object[key];
  // the last item of a list first, so that none moves before its turn
  for (const { list, index } of items.sort((a, b) => b.index - a.index)) list.splice(index, 1);
  return copy;
}

/** Also within objects and lists: a text where the tool expects a number is another call. What is null says nothing of what may be there. */
function checkKind(present: unknown, value: unknown, at: string, refuse: (message: string) => never): void {
  if (present === null) return;
  const kind = editKindOf(present);
  if (editKindOf(value) !== kind) refuse(`The value at ${at} must be ${KINDS[kind]}, as the present one.`);
  if (kind === 'list') {
    const kinds = new Set((present as readonly unknown[]).map(editKindOf));
    const other = (value as readonly unknown[]).some((item) => !kinds.has(editKindOf(item)));
    if (kinds.size > 0 && other) refuse(`The items of the list at ${at} must be of the kinds that the present ones have.`);
  }
  if (kind !== 'object') return;
  for (const [key, item] of Object.entries(value as object))
    if (Object.hasOwn(present as object, key)) checkKind((present as Record<string, unknown>)[key], item, `${at}/${key}`, refuse);
}

/** What kind of value the params of a call have at a place. */
export type EditKind = 'null' | 'text' | 'number' | 'boolean' | 'bigint' | 'date' | 'list' | 'object';

const KINDS: Readonly<Record<EditKind, string>> = {
  null: 'null',
  text: 'a text',
  number: 'a number',
  boolean: 'true or false',
  bigint: 'a BigInt',
  date: 'a date',
  list: 'a list',
  object: 'an object',
};

/** The kind of a value of a snapshot. */
export function editKindOf(value: unknown): EditKind {
  switch (typeof value) {
    case 'string':
      return 'text';
    case 'number':
    case 'boolean':
    case 'bigint':
      return typeof value as EditKind;
    default:
      return value === null ? 'null' : types.isDate(value) ? 'date' : Array.isArray(value) ? 'list' : 'object';
  }
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null && !types.isDate(value);
}
