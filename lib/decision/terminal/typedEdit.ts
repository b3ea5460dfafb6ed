import { revealText } from '../../common/data/reveal.js';
import { didYouMean } from '../../common/didYouMean.js';
import type { Params } from '../../model/Params.js';
import { parsePointer, valueAt } from '../../model/snapshot/parsePointer.js';
import { viewText } from '../../model/view/viewText.js';
import { isEditable } from '../amend/editablePointers.js';
import { readEditText } from '../amend/editText.js';
import type { ParamsEdit } from '../amend/ParamsEdit.js';
import type { EditedApproval } from '../desk/DeskEdits.js';

/** Changes of params as a person types them. */
export interface TypedChanges {
  /** Places with their new values, such as `/amount=200`. */
  readonly set: readonly string[];
  /** Places of what is left out, such as `/note`. */
  readonly remove: readonly string[];
}

/** What a person edits: the params that they see, and the places that policies let them edit. */
export interface EditedView {
  readonly params: Params;
  readonly editable: readonly string[];
}

/** How an edit is typed. */
export interface TypedWords {
  /** What stands before `set` and `remove` where they are named, such as `--`. */
  readonly prefix: string;
  /** Throws, saying what is wrong. What was typed is in it as it is. */
  readonly refuse: (message: string) => never;
}

const JSON_TEXT = { isJson: true };

/**
 * The edit that a person has typed: a value is of the kind that the present one has.
 *
 * @throws what `refuse` throws, naming what is wrong and what it may be
 */
export function typedEdit({ set, remove }: TypedChanges, view: EditedView, { prefix, refuse }: TypedWords): ParamsEdit {
  const values: Record<string, unknown> = {};
  for (const given of set) {
    const [, at, text] = /^([^=]*)=([^]*)$/.exec(given) ?? [];
    if (at === undefined || text === undefined) return refuse(`${prefix}set must be a place and its new value, such as /amount=200`);
    const path = placeOf(at, view, `${prefix}set`, refuse);
    if (Object.hasOwn(values, at)) return refuse(`${prefix}set: ${at} is given twice; give it once`);
    const typed = readEditText(text, valueAt(view.params, path));
    if (!typed.ok) return refuse(`${prefix}set: ${at} must be ${typed.expected}`);
    values[at] = typed.value;
  }
  for (const at of remove) placeOf(at, view, `${prefix}remove`, refuse);
  return { ...(set.length > 0 && { set: values }), ...(remove.length > 0 && { remove }) };
}

/** What an edit would change, one item a line. */
export function editLines({ changes, added }: Pick<EditedApproval, 'changes' | 'added'>): readonly string[] {
  return [
    'Edit:',
    ...changes.map((change) => `  ${revealText(change.pointer)}: ${sideText(change, 'before')} → ${sideText(change, 'after')}`),
    ...(added.length === 0 ? [] : [`Asks too  ${added.map((id) => revealText(id)).join(', ')}`]),
  ];
}

function sideText(change: EditedApproval['changes'][number], side: 'before' | 'after'): string {
  return Object.hasOwn(change, side) ? revealText(viewText(change[side]), JSON_TEXT) : '(absent)';
}

function placeOf(at: string, { editable }: EditedView, name: string, refuse: TypedWords['refuse']): readonly string[] {
  const path = parsePointer(at);
  if (path === undefined || path.length === 0) return refuse(`${name} must name a place by a JSON pointer, such as /amount`);
  // where nothing can be edited, why is said by what is asked to edit it
  if (editable.length === 0 || isEditable(at, editable)) return path;
  const meant = didYouMean(at, editable);
  return refuse(`${name}: the policies do not let ${at} be edited${meant === '' ? `; they let ${editable.join(', ')}` : meant}`);
}
