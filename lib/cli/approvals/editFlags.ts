import { didYouMean } from '../../common/didYouMean.js';
import { revealText } from '../../common/data/reveal.js';
import { isEditable } from '../../decision/amend/editablePointers.js';
import { readEditText } from '../../decision/amend/editText.js';
import type { ParamsEdit } from '../../decision/amend/ParamsEdit.js';
import { parsePointer, valueAt } from '../../model/snapshot/parsePointer.js';
import { viewText } from '../../model/view/viewText.js';
import { CliError } from '../CliIo.js';
import type { ApprovalView, PreviewedEdit } from './ApprovalAccess.js';

/** The options that edit the params of an approval. */
export interface EditFlags {
  readonly set?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

const JSON_TEXT = { isJson: true };

/**
 * The edit that options ask for: a value is of the kind that the present one has.
 *
 * @returns `undefined` where they ask for none
 * @throws CliError naming the option, and what it may be
 */
export function editFlags({ set = [], remove = [] }: EditFlags, shown: ApprovalView): ParamsEdit | undefined {
  if (set.length + remove.length === 0) return undefined;
  const values: Record<string, unknown> = {};
  for (const given of set) {
    const [, at, text] = /^([^=]*)=([^]*)$/.exec(given) ?? [];
    if (at === undefined || text === undefined) throw new CliError('--set must be a place and its new value, such as /amount=200');
    const path = placeOf('--set', at, shown);
    if (Object.hasOwn(values, at)) throw new CliError(`--set: ${at} is given twice; give it once`);
    const typed = readEditText(text, valueAt(shown.params, path));
    if (!typed.ok) throw new CliError(`--set: ${at} must be ${typed.expected}`);
    values[at] = typed.value;
  }
  for (const at of remove) placeOf('--remove', at, shown);
  return { ...(set.length > 0 && { set: values }), ...(remove.length > 0 && { remove }) };
}

/** What an edit would change, one item a line. */
export function editLines({ changes, added }: PreviewedEdit): readonly string[] {
  return [
    'Edit:',
    ...changes.map((change) => `  ${revealText(change.pointer)}: ${sideText(change, 'before')} → ${sideText(change, 'after')}`),
    ...(added.length === 0 ? [] : [`Asks too  ${added.map((id) => revealText(id)).join(', ')}`]),
  ];
}

function sideText(change: PreviewedEdit['changes'][number], side: 'before' | 'after'): string {
  return Object.hasOwn(change, side) ? revealText(viewText(change[side]), JSON_TEXT) : '(absent)';
}

function placeOf(flag: string, at: string, { editable }: ApprovalView): readonly string[] {
  const path = parsePointer(at);
  if (path === undefined || path.length === 0) throw new CliError(`${flag} must name a place by a JSON pointer, such as /amount`);
  // where nothing can be edited, why is said by what is asked to edit it
  if (editable.length === 0 || isEditable(at, editable)) return path;
  const meant = didYouMean(at, editable);
  throw new CliError(
    `${flag}: the policies do not let ${revealText(at)} be edited${meant === '' ? `; they let ${editable.join(', ')}` : meant}`,
  );
}
