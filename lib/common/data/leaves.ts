import { types } from 'node:util';
import { Masked } from './Masked.js';

/** Where a value stands in another one: names of objects, places in lists. */
export type LeafPath = readonly (string | number)[];

/** A value that holds no other one: text, number, date and so on, or an empty list or object. */
export interface Leaf {
  readonly path: LeafPath;
  readonly value: unknown;
}

/** A value with more leaves than this is shown as the first 30 and the last 10 of them. */
export const MAX_LEAVES = 40;

/** A name that needs no quotes. */
const PLAIN_NAME = /^[\p{L}\p{N}_$-]+$/u;

/**
 * All leaves of a value, in its own order.
 *
 * @param at where the value itself stands
 */
export function leavesOf(value: unknown, at: LeafPath = []): readonly Leaf[] {
  const leaves: Leaf[] = [];
  const walk = (here: unknown, path: LeafPath): void => {
    if (typeof here !== 'object' || here === null || types.isDate(here) || here instanceof Masked)
      return void leaves.push({ path, value: here });
    const entries: readonly (readonly [string | number, unknown])[] = Array.isArray(here) ? [...here.entries()] : Object.entries(here);
    if (entries.length === 0) leaves.push({ path, value: here });
    for (const [step, inner] of entries) walk(inner, [...path, step]);
  };
  walk(value, at);
  return leaves;
}

/** A path as text, such as `to[0].name`; a name that could be mistaken for something else is quoted. No two paths are written alike. */
export function pathText(path: LeafPath): string {
  return path
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!PLAIN_NAME.test(step)) return `[${JSON.stringify(step)}]`;
      return i === 0 ? step : `.${step}`;
    })
    .join('');
}
