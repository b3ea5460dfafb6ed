import { didYouMean } from '../../common/didYouMean.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import { parsePointer } from '../snapshot/parsePointer.js';
import type { Audience, AudienceViews, Sensitive, View } from '../sensitive/Sensitive.js';

/** The names of {@link View}. */
export const VIEWS: readonly View[] = ['full', 'last4', 'domain', 'length', 'hidden'];
/** The names of {@link Audience}. */
export const AUDIENCES: readonly Audience[] = ['approver', 'log', 'model', 'audit'];

const MAX_POINTERS = 64;
const PERSONAL: AudienceViews = Object.freeze({ approver: 'full', log: 'hidden', model: 'hidden', audit: 'hidden' });
const SECRET: AudienceViews = Object.freeze({ ...PERSONAL, approver: 'last4' });

/**
 * Reads the option `sensitive` of a guard, as it is given, as a store has it, or as it was sent.
 *
 * @param names of the params that can be there; `undefined` where none are known
 * @returns a text that says what is wrong with it, without a value
 */
export function readSensitive(given: unknown, names?: readonly string[]): Sensitive | string {
  if (!isPlainObject(given)) return "must be an object from JSON pointers to 'secret', 'personal' or a view for each audience.";
  const pointers = Object.keys(given).sort();
  if (pointers.length > MAX_POINTERS) return `names more than ${MAX_POINTERS} values; name the objects that hold them.`;
  const read: Record<string, AudienceViews> = {};
  for (const pointer of pointers) {
    const path = parsePointer(pointer);
    if (path === undefined)
      return `has the key ${JSON.stringify(pointer.slice(0, 64))}, which must be a JSON pointer, such as '/card/number'.`;
    const [name = ''] = path;
    if (names !== undefined && !names.includes(name))
      return `names ${pointer}, but the guard has no parameter '${name}'${didYouMean(name, names) || '.'}`;
    const outer = Object.keys(read).find((other) => isWithin(pointer, other));
    if (outer !== undefined) return `names both ${outer} and ${pointer}, which is in it; name one of them.`;
    const views = viewsOf(given[pointer]);
    if (typeof views === 'string') return `at ${pointer} ${views}.`;
    read[pointer] = views;
  }
  return Object.freeze(read);
}

/** Whether what a pointer names is another one's value, or is in it. */
export function isWithin(pointer: string, outer: string): boolean {
  return pointer === outer || pointer.startsWith(`${outer}/`);
}

function viewsOf(given: unknown): AudienceViews | string {
  if (given === 'secret') return SECRET;
  if (given === 'personal') return PERSONAL;
  if (!isPlainObject(given)) return "must have 'secret', 'personal' or an object with a view for each audience";
  const views: Record<Audience, View> = { ...PERSONAL };
  for (const [audience, view] of Object.entries(given)) {
    if (!(AUDIENCES as readonly string[]).includes(audience))
      return `must name the audiences approver, log, model and audit, and no other${didYouMean(audience, AUDIENCES)}`;
    if (view === undefined) continue;
    if (!VIEWS.includes(view as View)) return `must have one of ${VIEWS.join(', ')} as the view of ${audience}`;
    views[audience as Audience] = view as View;
  }
  return Object.freeze(views);
}
