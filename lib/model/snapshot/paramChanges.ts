import { types } from 'node:util';
import { canonicalText } from '../../common/data/canonical.js';
import { pointer } from '../Params.js';
import type { Params } from '../Params.js';

/** One place in which params differ. */
export interface ParamChange {
  /** JSON pointer of the place. */
  readonly pointer: string;
  /** What was there; absent where there was nothing. */
  readonly before?: unknown;
  /** What is there now; absent where there is nothing. */
  readonly after?: unknown;
}

/** More places than this are named by the params that they are in. */
const MAX_PLACES = 64;

/**
 * The places in which params differ, as deep as both have the same shape, in the order of the first ones and then the new ones. Lists of different lengths
 * differ as a whole.
 */
export function paramChanges(before: Params, after: Params): readonly ParamChange[] {
  const found: ParamChange[] = [];
  collect(before, after, '', found);
  if (found.length <= MAX_PLACES) return found;
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const sides = { ...side('before', before, name), ...side('after', after, name) };
    return isSame(sides) ? [] : [{ pointer: pointer('', name), ...sides }];
  });
}

type Container = Readonly<Record<string, unknown>>;
type Sides = Pick<ParamChange, 'before' | 'after'>;

function collect(before: Container, after: Container, at: string, found: ParamChange[]): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const sides: Sides = { ...side('before', before, key), ...side('after', after, key) };
    if (isSame(sides)) continue;
    const where = pointer(at, key);
    if (isContainer(sides.before) && isContainer(sides.after) && areAlike(sides.before, sides.after))
      collect(sides.before, sides.after, where, found);
    else found.push({ pointer: where, ...sides });
  }
}

function side(name: 'before' | 'after', container: Container, key: string): Sides {
  return Object.hasOwn(container, key) ? { [name]: container[key] } : {};
}

function isSame(sides: Sides): boolean {
  return 'before' in sides && 'after' in sides && canonicalText(sides.before) === canonicalText(sides.after);
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null && !types.isDate(value);
}

function areAlike(a: Container, b: Container): boolean {
  if (!Array.isArray(a)) return !Array.isArray(b);
  return Array.isArray(b) && a.length === b.length;
}
