import type { Awaitable } from '../../common/awaitable.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import {
  approvalAnswer,
  challengeAnswer,
  challengeBody,
  editPreviewBody,
  verdictBody,
  writeApproval,
} from '../../decision/wire/approvalAnswer.js';
import type { VerdictBody } from '../../decision/wire/approvalAnswer.js';
import { grantOfBody } from '../../decision/wire/grant/grantAnswer.js';
import { readBody } from '../../decision/wire/readBody.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { CHALLENGE_MS } from '../people/Challenges.js';
import { verdictUse } from '../tenant/verdictProofs.js';
import { editOf, editPreviewAnswer, writeEditPreview } from '../../decision/wire/edit/editPreview.js';
import { coveredApproval } from '../decide/covers.js';
import { givePersonVerdict, previewEdit, shownReason, standingOf } from '../decide/personVerdict.js';
import { GRANT_FORM, grantOfForm, isGrantField } from '../../decision/wire/grant/grantForm.js';
import { RequestError } from '../front/RequestError.js';
import type { Answer, CallerInput, Route } from './Route.js';

/** A form whose verdict was not recorded. */
export interface RefusedVerdictForm {
  readonly input: CallerInput;
  readonly decisionId: string;
  /** A VerdictError, or a RequestError that names the field. */
  readonly error: unknown;
  /** What was typed, to be shown again. */
  readonly fields: Readonly<Record<string, string>>;
}

/** What the routes of verdicts need. */
export interface VerdictRoutesOptions {
  /** @defaultValue a clock of its own */
  readonly clock?: SteadyClock | undefined;
  /**
   * The page for a form that was refused; `undefined` for an error that has no page of its own.
   *
   * @defaultValue the page of the error
   */
  readonly refusedPage?: ((refused: RefusedVerdictForm) => Awaitable<Answer | undefined>) | undefined;
}

/** The fields of a form with a verdict, and how many characters each may have. */
export const VERDICT_FORM: Readonly<Record<string, number>> = {
  verdict: 16,
  digest: 64,
  version: 16,
  reason: 10_000,
  code: 16,
  acknowledge_hidden: 8,
  shown_all: 128,
  edit: 65_536,
  idempotency_key: 128,
  proof_credential: 1_400,
  proof_nonce: 256,
  proof_client_data: 8_192,
  proof_authenticator_data: 8_192,
  proof_signature: 8_192,
  ...GRANT_FORM,
};

const ENDED: readonly string[] = ['approved', 'denied', 'expired', 'withdrawn'];
const EDIT_REFUSALS: readonly string[] = [
  'invalid_edit',
  'not_editable',
  'edit_limit',
  'edit_unavailable',
  'edit_changed',
  'policies_changed',
  'edit_denied',
  'editor_approval',
];
const REFUSALS: readonly string[] = [
  'digest_mismatch',
  'version',
  'self_approval',
  'not_an_approver',
  'not_a_person',
  'requester_unknown',
  'role_missing',
  'token_reads_only',
  'directory_unavailable',
  ...EDIT_REFUSALS,
  ...ENDED.map((status) => `already_${status}`),
];

const GRANT_REFUSALS: readonly string[] = ['invalid_grant', 'not_grantable', 'grants_unavailable', 'grant_not_made'];

/** The routes by which people and the operator of the host decide. */
export function verdictRoutes({ clock = new SteadyClock(), refusedPage }: VerdictRoutesOptions = {}): readonly Route[] {
  const give = (input: CallerInput, record: ApprovalRecord, body: VerdictBody): Promise<ApprovalRecord> =>
    input.caller.kind === 'host' ? giveHostVerdict(input, record, body) : givePersonVerdict(input, record, body);
  return [
    {
      method: 'POST',
      path: '/v1/approvals/:id/verdict',
      name: 'giveVerdict',
      summary:
        'Records a verdict of a person, or of the operator of the host, on exactly what was shown, or on what they make of it with `edit`. The first verdict stands.',
      scope: 'verdict',
      roles: ['approver'],
      request: verdictBody,
      form: VERDICT_FORM,
      answers: { 200: approvalAnswer, 303: undefined },
      errors: [
        ...REFUSALS,
        'assurance_too_low',
        'verdict_not_recorded',
        'verdict_key_reused',
        'show_all_needed',
        'reason_needed',
        'hidden_not_acknowledged',
        'code_wrong',
        'proof_needed',
        'proof_invalid',
        ...GRANT_REFUSALS,
      ],
      async handle(input) {
        const { form } = input;
        const record = await coveredApproval(input, idOf(input));
        if (form === undefined) {
          const body = readBody(verdictBody, input.body);
          const key = body.idempotency_key ?? input.headers.get('idempotency-key') ?? undefined;
          return shownApproval(await give(input, record, { ...body, idempotency_key: key }), input);
        }
        try {
          const { decisionId } = await give(input, record, bodyOfForm(form));
          return { status: 303, headers: { location: `${input.site.base}/a/${encodeURIComponent(decisionId)}` } };
        } catch (error) {
          const page = await refusedPage?.({ input, decisionId: idOf(input), error, fields: form });
          if (page === undefined) throw error;
          return page;
        }
      },
    },
    {
      method: 'POST',
      path: '/v1/approvals/:id/edit-preview',
      name: 'previewEdit',
      summary: 'Says what an approval would be, once it is edited so: what would run, and which policies would ask. Records nothing.',
      scope: 'verdict',
      roles: ['approver'],
      request: editPreviewBody,
      answers: { 200: editPreviewAnswer },
      errors: REFUSALS,
      async handle(input) {
        const record = await coveredApproval(input, idOf(input));
        const { edit, ...shown } = readBody(editPreviewBody, input.body);
        return { status: 200, body: writeEditPreview(await previewEdit(input, record, { ...shown, edit })) };
      },
    },
    {
      method: 'POST',
      path: '/v1/approvals/:id/challenge',
      name: 'challengeVerdict',
      summary: 'Gives what the passkey of the person who is signed in has to sign for one verdict. It is good for five minutes, once.',
      scope: 'person',
      roles: ['approver'],
      session: true,
      request: challengeBody,
      answers: { 200: challengeAnswer },
      errors: [...REFUSALS, 'no_passkey', 'invalid_grant', 'not_grantable', 'grants_unavailable'],
      async handle(input) {
        const { caller, site, tenant } = input;
        const { identity, desk } = tenant;
        const sessionId = caller.signedIn?.sessionId;
        if (sessionId === undefined)
          throw new RequestError(403, 'token_reads_only', 'A personal token signs nothing. Sign in on the page, and decide there.');
        const record = await coveredApproval(input, idOf(input));
        const { decisionId } = record;
        const { verdict, reason, grant: asked, grant_form: form, edit, ...shown } = readBody(challengeBody, input.body);
        const grant = form === undefined ? asked : grantOfForm(form);
        const nonce = identity.challenges.issue(verdictUse({ personId: caller.id, sessionId, decisionId }));
        const made = { edit: editOf({ edit }, record), ...(grant !== undefined && { grant: grantOfBody(grant) }) };
        const given = { ...shown, ...made, reason: shownReason(reason), by: caller.id, assurance: 'session', origin: site.origin } as const;
        const challenge = await desk.challengeOf(decisionId, verdict === 'amend' ? verdict : verdict === 'approve', given, nonce);
        const publicKey = await identity.passkeys.proofOptions(caller.id, challenge, site.origin);
        const expiresAt = new Date(clock.now() + CHALLENGE_MS).toISOString();
        return { status: 200, body: JSON.stringify({ nonce, challenge, public_key: publicKey, expires_at: expiresAt }) };
      },
    },
  ];
}

/** An approval in full, and how its reader stands to it. */
export async function shownApproval(record: ApprovalRecord, input: CallerInput): Promise<Answer> {
  const { caller, tenant } = input;
  // a key is no one; and a verdict that was recorded is told without another question to the store
  if (caller.kind === 'key' || record.status !== 'pending') return { status: 200, body: writeApproval(record, false) };
  const { decisionId } = record;
  const viewer =
    caller.kind === 'person'
      ? await standingOf(input, decisionId)
      : await tenant.desk.viewerOf(decisionId, { by: caller.id, assurance: 'host' });
  return { status: 200, body: writeApproval(record, viewer?.may === true, viewer) };
}

function giveHostVerdict({ caller, tenant: { desk } }: CallerInput, record: ApprovalRecord, body: VerdictBody): Promise<ApprovalRecord> {
  const { verdict, digest, version, idempotency_key: key, acknowledge_hidden: acknowledgeHidden } = body;
  const edit = editOf(body, record);
  const shown = { by: caller.id, digest, version, reason: body.reason, acknowledgeHidden, assurance: 'host' } as const;
  if (verdict === 'amend') return desk.amend(record.decisionId, { ...shown, ...edit });
  const grant = body.grant === undefined ? {} : { grant: grantOfBody(body.grant) };
  const given = { ...shown, key, edit, ...grant };
  return verdict === 'approve' ? desk.approve(record.decisionId, given) : desk.deny(record.decisionId, given);
}

/** @throws BadRequestError as for a body in JSON */
function bodyOfForm(form: Readonly<Record<string, string>>): VerdictBody {
  const given = Object.fromEntries(Object.entries(form).filter(([name, value]) => value !== '' && name !== 'csrf' && !isGrantField(name)));
  // a no is never refused for what would have come with a yes
  const grant = form['verdict'] === 'deny' ? undefined : grantOfForm(form);
  const {
    version,
    edit,
    acknowledge_hidden: hidden,
    proof_credential,
    proof_nonce,
    proof_client_data,
    proof_authenticator_data,
    proof_signature,
    ...rest
  } = given;
  const parts = {
    credential: proof_credential,
    nonce: proof_nonce,
    client_data: proof_client_data,
    authenticator_data: proof_authenticator_data,
    signature: proof_signature,
  };
  const isSigned = Object.values(parts).some((part) => part !== undefined);
  return readBody(
    verdictBody,
    JSON.stringify({
      ...rest,
      ...(version !== undefined && { version: Number(version) }),
      ...(hidden !== undefined && { acknowledge_hidden: Number(hidden) }),
      ...(edit !== undefined && { edit: parsed(edit) }),
      ...(isSigned && { proof: parts }),
      ...(grant && { grant }),
    }),
  );
}

/** A text that is not JSON is not an edit either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function idOf({ params }: CallerInput): string {
  return params['id'] as string;
}
