import { excerptOf, MAX_CHIPS } from '../../common/data/excerpt.js';
import { isUnchanged, leafText, shownChanges } from '../../common/data/leafChanges.js';
import type { LeafChange } from '../../common/data/leafChanges.js';
import type { Leaf, LeafPath } from '../../common/data/leaves.js';

/** A leaf of which a page shows only a part. */
export interface CutLeaf {
  readonly path: LeafPath;
  /** Whether it is as the agent wrote it. */
  readonly isBefore: boolean;
  /** How many characters are not shown. */
  readonly chars: number;
}

/** The leaves of one value of which a page shows only a part. All leaves of the value share its chips, as on the page: short ones are cut after long ones. */
export function cutLeaves(changes: readonly LeafChange[]): readonly CutLeaf[] {
  let chips = MAX_CHIPS;
  const cuts: CutLeaf[] = [];
  const show = (leaf: Leaf | undefined, isBefore: boolean): void => {
    if (leaf === undefined) return;
    const { chips: used, omitted } = excerptOf(leafText(leaf.value), { maxChips: chips });
    chips -= used;
    if (omitted !== undefined) cuts.push({ path: leaf.path, isBefore, chars: omitted.chars });
  };
  for (const change of shownChanges(changes).flat()) {
    show(change.now, false);
    if (!isUnchanged(change)) show(change.before, true);
  }
  return cuts;
}
