import { canonicalText } from '../../common/data/canonical.js';
import { revealText } from '../../common/data/reveal.js';
import type { PreviewChange } from '../../model/preview/CallPreview.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { WHY_NO_PREVIEW } from './openedPreview.js';

const JSON_TEXT = { isJson: true };

/** What a person reads of `reversible`. */
export const REVERSIBLE_TEXT = {
  'read-only': 'changes nothing',
  reversible: 'can be undone',
  external: 'reaches outside, where it cannot be undone from here',
  irreversible: 'cannot be undone',
} as const;

/** What a person reads of a preview, one item a line: safe to print. Nothing where the guard makes no previews. */
export function describePreview({ preview, digest }: Pick<ApprovalRecord, 'preview' | 'digest'>, hides: boolean): readonly string[] {
  if (preview === undefined) return [];
  const { content, failure, of } = preview;
  if (content === undefined) return [`Preview   ${failure === undefined ? 'no longer kept' : `none: ${WHY_NO_PREVIEW[failure]}`}`];
  const lines = [
    `Preview   ${revealText(content.summary)}`,
    `          by the tool itself: ${REVERSIBLE_TEXT[content.reversible]}`,
    ...(content.changes ?? []).map((change) => `  ${revealText(change.what)}: ${sideOf(change, 'before')} -> ${sideOf(change, 'after')}`),
  ];
  if (of !== digest) lines.push('          of the call before the edit: nothing says what the edited call would do');
  if (hides) lines.push("          in the tool's own words: it may show what is hidden elsewhere");
  return lines;
}

function sideOf(change: PreviewChange, side: 'before' | 'after'): string {
  return Object.hasOwn(change, side) ? revealText(canonicalText(change[side]), JSON_TEXT) : '(not said)';
}
