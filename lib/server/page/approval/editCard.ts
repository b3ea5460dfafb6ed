import { editKindOf } from '../../../decision/amend/applyEdit.js';
import { editablePointers } from '../../../decision/amend/editablePointers.js';
import { editText } from '../../../decision/amend/editText.js';
import { MAX_EDITS } from '../../../decision/amend/amendRecord.js';
import { parsePointer, valueAt } from '../../../model/snapshot/parsePointer.js';
import { hiddenFromApprover } from '../../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { revealedText } from '../revealed.js';

/** The most places that a form can edit. */
export const MAX_EDIT_FIELDS = 32;
/** The most characters of one field of the form. */
export const MAX_EDIT_TEXT = 16_384;

/** What a form for edits needs. */
export interface EditCardView {
  readonly paths: Paths;
  /** As it is in the store. */
  readonly record: ApprovalRecord;
  readonly formToken: string | undefined;
  /** What is wrong with what was typed. */
  readonly error?: string | undefined;
  /** What was typed, by field. */
  readonly typed?: Readonly<Record<string, string>> | undefined;
}

/** A place that a person may edit, and what is there. */
export interface EditPlace {
  readonly field: string;
  readonly pointer: string;
  readonly present: unknown;
}

/** The places of an approval that a form can edit, in the order of its policies. */
export function editPlaces(record: ApprovalRecord): readonly EditPlace[] {
  const { amendable, amendments = [], policies, params, status } = record;
  if (status !== 'pending' || amendable === undefined || amendments.length >= MAX_EDITS) return [];
  if (hiddenFromApprover(record).length > 0) return [];
  return editablePointers(policies)
    .slice(0, MAX_EDIT_FIELDS)
    .map((pointer, i) => ({ field: `edit_${i}`, pointer, present: valueAt(params, parsePointer(pointer) ?? []) }));
}

/** The form in which a person edits what policies let them: an input of the kind of each value. What was typed is shown before anything is recorded. */
export function editCard({ paths, record, formToken, error, typed = {} }: EditCardView): Html | false {
  const places = editPlaces(record);
  if (places.length === 0) return false;
  const { decisionId, digest, version } = record;
  return html`<section class="card" id="edit"><h2>Edit <span class="muted">your policies let you change these</span></h2><div class="in">
${error !== undefined && html`<p class="error small" role="alert">${error}</p>`}
<form method="post" action="${paths.edit(decisionId)}"><input type="hidden" name="csrf" value="${formToken}"><input type="hidden" name="digest" value="${digest}"><input type="hidden" name="version" value="${version}">
${places.map((place) => html`<label for="${place.field}"><code>${revealedText(place.pointer)}</code></label>${input(place, typed[place.field])}`)}
<div class="acts one"><button>Show the edited call</button></div></form></div></section>`;
}

/** A text as it comes back from a form that no one has changed, but for the line ends, which become those of the form. */
export function typedText(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n');
}

/** Whether a form gives a text back as it is: a line end is two characters on its way, and there is no way for half of a pair. */
function isTypeable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text) && typedText(text).replaceAll('\n', '\r\n').length <= MAX_EDIT_TEXT;
}

function input({ field, present }: EditPlace, typed: string | undefined): Html {
  const value = typed ?? editText(present);
  if (!isTypeable(value))
    return html`<p class="small muted">What is here cannot be edited on this page. The API and the command line can.</p>`;
  switch (present === undefined ? 'null' : editKindOf(present)) {
    case 'number':
    case 'bigint':
      return html`<input type="text" inputmode="decimal" id="${field}" name="${field}" value="${value}" autocomplete="off">`;
    case 'boolean':
      return html`<select id="${field}" name="${field}">${['true', 'false'].map((one) => html`<option value="${one}"${one === value && html` selected`}>${one}</option>`)}</select>`;
    case 'date':
      return html`<input type="text" id="${field}" name="${field}" value="${value}" autocomplete="off" spellcheck="false">`;
    default:
      // browsers leave out the first line end
      return html`<textarea id="${field}" name="${field}" maxlength="${MAX_EDIT_TEXT}" spellcheck="false">
${value}</textarea>`;
  }
}
