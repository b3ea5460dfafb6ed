import { readEditText } from '../../decision/amend/editText.js';
import { editText } from '../../decision/amend/editText.js';
import type { EditBody } from '../../decision/wire/approvalAnswer.js';
import { writeWire } from '../../decision/wire/readWire.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { previewEdit } from '../decide/personVerdict.js';
import { editPlaces, MAX_EDIT_FIELDS, MAX_EDIT_TEXT, typedText } from '../page/approval/editCard.js';
import type { Answer, CallerInput } from '../route/Route.js';
import { approvalAnswer } from './approvalAnswer.js';
import type { RefusedAnswer } from './approvalAnswer.js';
import type { PageMoment } from './PageMoment.js';

/** The fields of the form for edits, and how many characters each may have. */
export const EDIT_FORM: Readonly<Record<string, number>> = {
  digest: 64,
  version: 16,
  ...Object.fromEntries(Array.from({ length: MAX_EDIT_FIELDS }, (_, i) => [`edit_${i}`, MAX_EDIT_TEXT])),
};

/** Answers the form for edits: with the page of the approval as it would be, or with what is wrong. Nothing is recorded. */
export async function editAnswer(input: CallerInput, moment: PageMoment): Promise<Answer> {
  const { form = {}, tenant, params } = input;
  const record = await tenant.desk.get(params['id'] as string);
  if (record === undefined) throw new NotFoundError('There is no approval with this id.');
  const read = editIn(record, form);
  if ('error' in read) return refused(input, moment, 422, read.error, form);
  return previewAnswer(input, moment, record, { digest: form['digest'] ?? '', version: Number(form['version']), edit: read.edit });
}

/** The page of an approval as an edit would make it. */
export async function previewAnswer(
  input: CallerInput,
  moment: PageMoment,
  record: ApprovalRecord,
  shown: { readonly digest: string; readonly version: number; readonly edit: EditBody },
  refusal?: RefusedAnswer,
): Promise<Answer> {
  try {
    const preview = await previewEdit(input, record, shown, true);
    const { set, remove } = shown.edit;
    const { digest, asking } = preview;
    return await approvalAnswer(input, moment, {
      refused: refusal,
      edited: { preview, record, edit: writeWire({ set, remove, digest, asking }) },
    });
  } catch (error) {
    if (!(error instanceof VerdictError) || error.status === 503) throw error;
    return refused(input, moment, error.status, error.message, {});
  }
}

function refused(
  input: CallerInput,
  moment: PageMoment,
  status: number,
  edit: string,
  typed: Readonly<Record<string, string>>,
): Promise<Answer> {
  return approvalAnswer(input, moment, { refused: { status, reason: '', errors: { edit }, typed } });
}

/** What was changed in the form. */
function editIn(record: ApprovalRecord, form: Readonly<Record<string, string>>): { readonly edit: EditBody } | { readonly error: string } {
  const set: Record<string, unknown> = {};
  for (const { field, pointer, present } of editPlaces(record)) {
    const given = form[field];
    if (given === undefined) continue;
    const text = typedText(given);
    // who leaves a text as it is changes no line ends of it either
    if (text === typedText(editText(present))) continue;
    const typed = readEditText(text, present);
    if (!typed.ok) return { error: `${pointer} must be ${typed.expected}.` };
    set[pointer] = typed.value;
  }
  return Object.keys(set).length > 0 ? { edit: { set } } : { error: 'Nothing is changed. Change a value, or approve the call as it is.' };
}
