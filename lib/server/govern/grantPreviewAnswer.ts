import { grantedValues } from '../../decision/grant/grantedValues.js';
import { looseningOfBody } from '../../decision/wire/grant/grantAnswer.js';
import { looseningOfForm } from '../../decision/wire/grant/grantForm.js';
import { BadRequestError, NotFoundError } from '../../model/errors/ServiceErrors.js';
import { VerdictError } from '../../model/errors/SetupErrors.js';
import type { GrantLoosening } from '../../model/terms/Grant.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { approvalAnswer } from '../inbox/approvalAnswer.js';
import type { CountedGrant, SentForm } from '../inbox/approvalAnswer.js';
import type { PageMoment } from '../inbox/PageMoment.js';
import { CHANGED_TEXT } from '../inbox/refusedVerdict.js';
import type { CountedTerms } from '../page/govern/grantFields.js';
import type { Answer, CallerInput } from '../route/Route.js';
import { VERDICT_FORM } from '../route/verdicts.js';

const { verdict: _verdict, edit: _edit, ...fields } = VERDICT_FORM;
/** The fields of the form with a verdict, as they are sent to be counted with: it has no verdict, and an edited call no grant. */
export const GRANT_PREVIEW_FORM: Readonly<Record<string, number>> = fields;

/** Answers the form with a verdict with the same page, its history counted with what the form loosens, or with what is wrong. Nothing is recorded. */
export async function grantPreviewAnswer(input: CallerInput, moment: PageMoment): Promise<Answer> {
  const { form = {}, tenant, params } = input;
  const record = await tenant.desk.get(params['id'] as string);
  if (record === undefined) throw new NotFoundError('There is no approval with this id.');
  // what was typed is of no use any longer
  if (record.status !== 'pending') return approvalAnswer(input, moment);
  return approvalAnswer(input, moment, await countedForm(record, form, tenant));
}

async function countedForm(
  record: ApprovalRecord,
  typed: Readonly<Record<string, string>>,
  { grants }: CallerInput['tenant'],
): Promise<SentForm> {
  const { digest, version, reason = '' } = typed;
  const refused = (status: number, errors: NonNullable<SentForm['refused']>['errors']): SentForm => ({
    refused: { status, reason, typed, errors },
  });
  if (digest !== record.digest || Number(version) !== record.version) return refused(409, { grant: CHANGED_TEXT });
  try {
    const loosening = looseningOfBody(looseningOfForm(typed));
    const proposal = await grants.propose(record.decisionId, loosening);
    const grant: CountedGrant = { record, proposal, counted: countedTerms(record, loosening) };
    return { ...refused(200, {}), grant };
  } catch (error) {
    const isOfTerms = (error instanceof VerdictError || error instanceof BadRequestError) && error.code === 'invalid_grant';
    if (!isOfTerms) throw error;
    return refused(error.status ?? 400, { grant: error.message });
  }
}

function countedTerms(
  { params, session, facts }: ApprovalRecord,
  { loosen = {}, loosenSession = {}, loosenFacts = {}, anyRequester = false }: GrantLoosening,
): CountedTerms {
  const loosened = { params: loosen, session: loosenSession, facts: loosenFacts };
  return { loosened: grantedValues({ params, session, facts, loosened }).filter((value) => value.isLoosened), anyRequester };
}
