import { types } from 'node:util';
import { isPlainObject } from '../../common/data/plainObject.js';
import { leavesOf } from '../../common/data/leaves.js';
import { Masked } from '../../common/data/Masked.js';
import type { Params } from '../Params.js';
import type { ParamChange } from '../snapshot/paramChanges.js';
import { parsePointer } from '../snapshot/parsePointer.js';
import { isIndexed } from './heldAt.js';
import { isWithin } from './readSensitive.js';
import type { Audience, Sensitive, View } from '../sensitive/Sensitive.js';

const SHOWN_CHARACTERS = 4;
/** Of a shorter text the last four characters are too much of it. */
const MIN_LENGTH = 8;
const HOST = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#@:]+)(?::\d+)?(?:[/?#]|$)/i;
const MAIL_HOST = /^[^@]+@([^@\s]+)$/;
const HIDDEN = '(hidden)';

/**
 * The params as one audience is shown them.
 *
 * @returns a copy in which each value that is not shown in full is a {@link Masked}; the params themselves where all of them are
 */
export function viewOf(params: Params, sensitive: Sensitive | undefined, audience: Audience): Params {
  if (sensitive === undefined) return params;
  let shown: unknown = params;
  for (const [pointer, views] of Object.entries(sensitive)) {
    const view = views[audience];
    if (view !== 'full') shown = replaced(shown, parsePointer(pointer) as readonly string[], (value) => maskedValue(value, view));
  }
  return shown as Params;
}

/** JSON pointers of the values that an audience is not shown in full, of either params. */
export function maskedIn(...of: readonly Params[]): readonly string[] {
  const leaves = of.flatMap((params) => leavesOf(params).filter(({ value }) => value instanceof Masked));
  return [
    ...new Set(leaves.map(({ path }) => path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''))),
  ].sort();
}

/** The params as a server sends them, with notes in place of values: where `hidden` says, no text is taken for a value. */
export function withNotes(params: Params, hidden: readonly string[]): Params {
  const noted = (root: unknown, pointer: string): unknown => {
    const path = parsePointer(pointer);
    return path === undefined ? root : replaced(root, path, (value) => new Masked(typeof value === 'string' ? value : HIDDEN));
  };
  return hidden.reduce(noted, params) as Params;
}

/** Changes of params as those see them from whom these places are hidden: that something is changed there, and not from what to what. */
export function visibleChanges(changes: readonly ParamChange[], hidden: readonly string[]): readonly ParamChange[] {
  const isHidden = (place: string): boolean => hidden.some((one) => isWithin(one, place) || isWithin(place, one));
  return changes.map((change) => (isHidden(change.pointer) ? { pointer: change.pointer } : change));
}

/** JSON pointers of what the person who decides an approval is not shown in full. */
export function hiddenFromApprover({
  params,
  originalParams,
  sensitive,
}: {
  readonly params: Params;
  readonly originalParams: Params;
  readonly sensitive?: Sensitive | undefined;
}): readonly string[] {
  return maskedIn(viewOf(params, sensitive, 'approver'), viewOf(originalParams, sensitive, 'approver'));
}

/** A value at a path replaced, in copies of what holds it; the root itself where nothing is there. */
function replaced(root: unknown, path: readonly string[], by: (value: unknown) => unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return by(root);
  if (isIndexed(root, name)) return root.map((item: unknown, i) => (String(i) === name ? replaced(item, rest, by) : item));
  // what a call has in place of the object holds the value in a way that no pointer names
  if (!isPlainObject(root)) return isEmpty(root) ? root : new Masked(HIDDEN, undefined, root);
  if (!Object.hasOwn(root, name)) return root;
  // entries are defined, never assigned: no name of the agent's reaches a prototype
  return Object.fromEntries(Object.entries(root).map(([key, value]) => [key, key === name ? replaced(value, rest, by) : value]));
}

/** What can hold no value, and what was hidden before. */
function isEmpty(value: unknown): boolean {
  return value === null || value instanceof Masked || (Array.isArray(value) && value.length === 0);
}

function maskedValue(value: unknown, view: View): unknown {
  // how many items a hidden list has is hidden too
  if (Array.isArray(value) && view !== 'hidden' && value.length > 0) return value.map((item: unknown) => maskedValue(item, view));
  const text = textOf(value);
  if (text === undefined || view === 'hidden') return new Masked(HIDDEN, undefined, value);
  const { length } = text;
  switch (view) {
    case 'length':
      return new Masked(`(hidden: ${length === 1 ? '1 character' : `${length} characters`})`, undefined, value);
    case 'last4': {
      if (length < MIN_LENGTH) return new Masked(HIDDEN, undefined, value);
      const end = Array.from(text).slice(-SHOWN_CHARACTERS).join('');
      return new Masked(`(hidden, but for the end: …${end})`, `…${end}`, value);
    }
    default: {
      const host = (HOST.exec(text) ?? MAIL_HOST.exec(text))?.[1];
      return host === undefined
        ? new Masked(HIDDEN, undefined, value)
        : new Masked(`(hidden, but for the domain: ${host})`, `…${host}`, value);
    }
  }
}

/** A value that holds no other one, as text. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (types.isDate(value)) return value.toISOString();
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}
