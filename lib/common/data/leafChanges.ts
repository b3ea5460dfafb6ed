import { types } from 'node:util';
import { canonicalText } from './canonical.js';
import { leavesOf, MAX_LEAVES, pathText } from './leaves.js';
import type { Leaf } from './leaves.js';
import { Masked } from './Masked.js';

/** A value, or none where it is absent. */
export type GivenValue = { readonly value: unknown } | undefined;

/** A leaf with how it was before. */
export interface LeafChange {
  readonly label: string;
  readonly now: Leaf | undefined;
  readonly before: Leaf | undefined;
}

const HEAD_LEAVES = 30;
const TAIL_LEAVES = 10;

/** Each leaf of what will run, with the leaf before; then those that are no longer there. */
export function leafChanges(now: GivenValue, before: GivenValue): readonly LeafChange[] {
  const leaves = (side: GivenValue): ReadonlyMap<string, Leaf> =>
    new Map(side === undefined ? [] : leavesOf(side.value).map((leaf) => [pathText(leaf.path), leaf]));
  const [ofNow, ofBefore] = [leaves(now), leaves(before)];
  const removed = [...ofBefore].filter(([label]) => !ofNow.has(label));
  return [
    ...[...ofNow].map(([label, leaf]) => ({ label, now: leaf, before: ofBefore.get(label) })),
    ...removed.map(([label, leaf]) => ({ label, now: undefined, before: leaf })),
  ];
}

/** Those that a page shows of many: the first 30 and the last 10; all, where there are at most 40. */
export function shownChanges(changes: readonly LeafChange[]): readonly [head: readonly LeafChange[], tail: readonly LeafChange[]] {
  if (changes.length <= MAX_LEAVES) return [changes, []];
  return [changes.slice(0, HEAD_LEAVES), changes.slice(-TAIL_LEAVES)];
}

/** Whether a leaf is what it was. */
export function isUnchanged({ now, before }: LeafChange): boolean {
  return now !== undefined && before !== undefined && Masked.areSame(now.value, before.value);
}

/** A leaf as text: a text without quotes, a date as ISO 8601, everything else as it runs. */
export function leafText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (types.isDate(value)) return value.toISOString();
  if (value instanceof Masked) return value.note;
  return typeof value === 'bigint' ? String(value) : canonicalText(value);
}
