import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import { RequestError } from '../front/RequestError.js';
import type { Answer } from '../route/Route.js';
import type { RefusedVerdictForm } from '../route/verdicts.js';
import { isRecord } from '../../common/data/plainObject.js';
import type { EditBody } from '../../decision/wire/approvalAnswer.js';
import { approvalAnswer } from './approvalAnswer.js';
import { previewAnswer } from './editAnswer.js';
import type { RefusedAnswer } from './approvalAnswer.js';
import type { PageMoment } from './PageMoment.js';

/** Errors that stand beside a field of the form. */
const FIELDS: Readonly<Record<string, 'reason' | 'code' | 'hidden' | 'grant'>> = {
  reason_needed: 'reason',
  code_wrong: 'code',
  hidden_not_acknowledged: 'hidden',
  invalid_grant: 'grant',
};
/** Errors that stand above the form: the verdict can be given again. */
const ABOVE: ReadonlySet<string> = new Set([
  'proof_needed',
  'proof_invalid',
  'assurance_too_low',
  'idempotency_mismatch',
  'role_missing',
  'show_all_needed',
  'invalid_edit',
  'not_editable',
  'edit_limit',
  'edit_changed',
  'policies_changed',
  'edit_denied',
  'editor_approval',
  'not_grantable',
]);
/** The page as it is now says all that there is to say. */
const SHOWN: ReadonlySet<string> = new Set(['self_approval', 'not_an_approver', 'requester_unknown']);
/** What a form says to who has read another call, or another version of it. */
export const CHANGED_TEXT = 'Changed since you opened this. Read again.';
const CHANGED: ReadonlySet<string> = new Set(['version', 'digest_mismatch']);

/** The page of an approval whose verdict was not recorded: as it is now, with what was typed; `undefined` for an error that it does not explain. */
export async function refusedVerdict(
  { input, decisionId, error, fields }: RefusedVerdictForm,
  moment: PageMoment,
): Promise<Answer | undefined> {
  const refused = isExpected(error) ? refusalOf(error, fields) : undefined;
  if (refused === undefined) return undefined;
  const edit = editIn(fields);
  const record = edit && (await input.tenant.desk.get(decisionId));
  if (edit === undefined || record?.status !== 'pending') return approvalAnswer(input, moment, { refused });
  // what is wrong is corrected on the edited call: the page of the call as it is would have another yes
  const shown = { digest: fields['digest'] ?? '', version: Number(fields['version']), edit };
  return previewAnswer(input, moment, record, shown, refused);
}

function editIn({ edit }: Readonly<Record<string, string>>): EditBody | undefined {
  try {
    const read: unknown = edit === undefined || edit === '' ? undefined : JSON.parse(edit);
    if (!isRecord(read)) return undefined;
    const { set, remove } = read as EditBody;
    return { set, remove };
  } catch {
    return undefined;
  }
}

function isExpected(error: unknown): error is VerdictError | RequestError | BadRequestError {
  return error instanceof VerdictError || error instanceof RequestError || error instanceof BadRequestError;
}

function refusalOf(
  { code, message, status = 400 }: VerdictError | RequestError | BadRequestError,
  typed: Readonly<Record<string, string>>,
): RefusedAnswer | undefined {
  const { reason = '' } = typed;
  const field = FIELDS[code];
  if (field !== undefined) return { status, reason, typed, errors: { [field]: message } };
  if (CHANGED.has(code)) return { status, reason, typed, errors: { form: CHANGED_TEXT } };
  if (ABOVE.has(code)) return { status, reason, typed, errors: { form: message } };
  return SHOWN.has(code) || code.startsWith('already_') ? { status, reason, typed, errors: {} } : undefined;
}
