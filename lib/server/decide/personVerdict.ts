import { editOf } from '../../decision/wire/edit/editPreview.js';
import { codeOf } from '../../decision/desk/assurance.js';
import type { EditPreview, ViewerStanding } from '../../decision/desk/DeskVerdicts.js';
import type { VerdictInput } from '../../decision/desk/verdict.js';
import { grantOfBody } from '../../decision/wire/grant/grantAnswer.js';
import { keyAndProofOf } from '../../decision/wire/approvalAnswer.js';
import { acknowledgedHidden, shownAllField } from '../../decision/wire/approvalAnswer.js';
import type { VerdictBody } from '../../decision/wire/approvalAnswer.js';
import type { ApprovalRecord, Assurance } from '../../store/ApprovalStore.js';
import type { Caller, SignedIn } from '../access/Caller.js';
import { RequestError } from '../front/RequestError.js';
import type { Site } from '../front/Site.js';
import type { ChallengeUse } from '../people/Challenges.js';
import { LOCAL_ADMIN } from '../people/Person.js';
import { SESSION_LIMITS } from '../people/Sessions.js';
import type { Tenant } from '../tenant/Tenant.js';
import { mustShowAll } from './mustShowAll.js';

/** What of a request says who decides, and where. */
interface Asked {
  readonly caller: Caller;
  readonly tenant: Tenant;
  readonly site: Pick<Site, 'origin'>;
  /** The form of the page, where it came by one: who asks in JSON reads all of it in JSON. */
  readonly form?: Readonly<Record<string, string>> | undefined;
}

/** Whether a session alone approves nothing: over plain HTTP, any program on this machine may have its cookie. */
export async function mustSign({ caller, tenant, site }: Asked): Promise<boolean> {
  if (!site.origin.startsWith('http:')) return false;
  const { identity } = tenant;
  return caller.id === LOCAL_ADMIN ? identity.hasPeople() : (await identity.passkeys.list(caller.id)).length > 0;
}

/** An act that gives authority takes the passkey of who has one. */
async function hasPasskey({ caller, tenant }: Asked): Promise<boolean> {
  return caller.id !== LOCAL_ADMIN && (await tenant.identity.passkeys.list(caller.id)).length > 0;
}

/** Whether a person shows by a fresh sign-in at the issuer of identities what others sign with a passkey: who comes by it and has no passkey. */
export async function maySignInAgain({ caller, tenant: { identity, issuer } }: Pick<Asked, 'caller' | 'tenant'>): Promise<boolean> {
  if (issuer === undefined || caller.signedIn?.sessionId === undefined) return false;
  const accounts = (await identity.people.get(caller.id))?.accounts ?? [];
  return accounts.length > 0 && (await identity.passkeys.list(caller.id)).length === 0;
}

/**
 * How a person who is signed in stands to an approval.
 *
 * @param sawAll whether the person is shown all of it, with nothing cut
 */
export async function standingOf(asked: Asked, decisionId: string, sawAll = false): Promise<ViewerStanding | undefined> {
  const { caller, tenant } = asked;
  const viewer = { by: caller.id, assurance: 'session', mustSign: await mustSign(asked), sawAll } as const;
  const standing = await tenant.desk.viewerOf(decisionId, viewer);
  const refusal = mayNotApprove(caller.signedIn as SignedIn);
  if (standing?.may !== true || refusal === undefined) return standing;
  return { ...standing, may: false, why: { code: refusal.code, message: refusal.message }, policies: [], isLastYes: false, mayDeny: false };
}

/**
 * What an approval would be, once it is edited so, and how who asks would stand to it.
 *
 * @throws VerdictError as the edit itself would
 */
export async function previewEdit(
  asked: Asked,
  record: ApprovalRecord,
  { digest, version, edit }: Pick<VerdictBody, 'digest' | 'version' | 'edit'>,
  all = false,
): Promise<EditPreview> {
  const { caller, tenant } = asked;
  const assurance = caller.kind === 'host' ? 'host' : 'session';
  const viewer = { by: caller.id, assurance, mustSign: caller.kind !== 'host' && (await mustSign(asked)), sawAll: all } as const;
  return tenant.desk.previewEdit(record.decisionId, { ...viewer, digest, version, ...editOf({ edit }, record) });
}

/**
 * Gives the verdict of a person who is signed in.
 *
 * @throws RequestError 403 `role_missing`, `token_reads_only`, 422 `show_all_needed`, `reason_needed`, `code_wrong`, 428 `proof_needed`
 * @throws VerdictError as the desk does
 */
export async function givePersonVerdict(asked: Asked, record: ApprovalRecord, body: VerdictBody): Promise<ApprovalRecord> {
  const { caller, tenant, site } = asked;
  const { desk } = tenant;
  const { decisionId } = record;
  const signedIn = caller.signedIn as SignedIn;
  const { digest, version, verdict } = body;
  const isYes = verdict !== 'deny';
  const refusal = isYes ? mayNotApprove(signedIn) : mayNotDeny(signedIn);
  if (refusal !== undefined) throw refusal;
  const reason = shownReason(body.reason);
  const input: VerdictInput = {
    by: caller.id,
    name: signedIn.name,
    reason,
    digest,
    version,
    acknowledgeHidden: acknowledgedHidden(body),
    ...keyAndProofOf(body),
    sessionId: signedIn.sessionId,
    origin: site.origin,
    mustSign: (await mustSign(asked)) || (verdict === 'approve' && body.grant !== undefined && (await hasPasskey(asked))),
    ...(body.grant !== undefined && { grant: grantOfBody(body.grant) }),
  };
  if (!isYes) return desk.deny(decisionId, { ...input, edit: editOf(body, record), assurance: assuranceOf(record, body, isYes) });
  const isShown = digest === record.digest && (version ?? record.version) === record.version;
  // the code and the signature are those of what would run
  const all = sawAll(asked, decisionId, { ...body, digest: body.edit?.digest ?? digest });
  const preview = body.edit !== undefined && isShown ? await previewEdit(asked, record, body, all) : undefined;
  const shown = preview?.approval ?? record;
  let assurance = assuranceOf(shown, { ...body, digest: isShown ? shown.digest : digest }, isYes);
  // of another digest or version, no code and no signature is right: the desk says so
  if (isShown) {
    const viewer = { by: caller.id, assurance, mustSign: input.mustSign, sawAll: all };
    const standing = preview?.standing ?? (await desk.viewerOf(decisionId, viewer));
    if (standing !== undefined && (standing.may || verdict === 'amend'))
      assurance = await checkNeeds(asked, standing, { record: shown, body, reason, assurance, sawAll: all });
  }
  const edit = editOf(body, record);
  if (verdict === 'approve') return desk.approve(decisionId, { ...input, edit, sawAll: all, assurance });
  const { key: _key, ...edited } = input;
  return desk.amend(decisionId, { ...edited, ...edit, sawAll: all, assurance });
}

/** What a page that shows all of an approval carries in its form: that it was served to this person, for this digest and version. */
export function shownAllMark({ caller, tenant }: Pick<Asked, 'caller' | 'tenant'>, shown: ShownVersion): string {
  return tenant.identity.challenges.issue(shownAllUse(caller.id, shown), SESSION_LIMITS.mostMs);
}

/** What of an approval a page shows. */
type ShownVersion = Pick<ApprovalRecord, 'decisionId' | 'digest' | 'version'>;

function shownAllUse(personId: string, { decisionId, digest, version }: ShownVersion): ChallengeUse {
  return { purpose: 'shown-all', binding: JSON.stringify([personId, decisionId, digest, version]) };
}

/** Whether a page that showed all of it was served to this person. Without a version nothing says of which one. */
function sawAll({ caller, tenant }: Asked, decisionId: string, body: VerdictBody): boolean {
  const mark = shownAllField(body);
  const { digest, version } = body;
  if (mark === undefined || version === undefined) return false;
  return tenant.identity.challenges.isGood(mark, shownAllUse(caller.id, { decisionId, digest, version }));
}

/** The reason as it is kept, and as it is signed: the line ends of a form are two characters, those of a script are one. */
export function shownReason(reason: string | undefined): string | undefined {
  const text = reason?.replaceAll(/\r\n?/g, '\n').trim();
  return text === '' ? undefined : text;
}

interface Given {
  readonly record: ApprovalRecord;
  readonly body: VerdictBody;
  readonly reason: string | undefined;
  readonly assurance: Assurance;
  readonly sawAll: boolean;
}

function assuranceOf(record: ApprovalRecord, { proof, digest, code = '' }: VerdictBody, approve: boolean): Assurance {
  if (proof !== undefined) return 'passkey';
  if (!approve || code === '' || digest !== record.digest) return 'session';
  if (code.trim().toLowerCase() === codeOf(record)) return 'code';
  throw codeWrong('These are not the first four characters of the digest.');
}

/** Checks that a yes has what it takes, and says what shows that it is this person: a fresh sign-in is used up here, after all that may be wrong with the form. */
async function checkNeeds(
  asked: Asked,
  { needs }: ViewerStanding,
  { record, body, reason, assurance, sawAll: all }: Given,
): Promise<Assurance> {
  if (asked.form !== undefined && mustShowAll(record) && !all)
    throw new RequestError(422, 'show_all_needed', 'Some of it was not shown to you. Here is all of it: read it, and approve here.');
  if (needs.reason === 'needed' && reason === undefined)
    throw new RequestError(422, 'reason_needed', 'This approval takes a reason. Write why you approve it.', { field: 'reason' });
  if (needs.passkey && assurance !== 'passkey') {
    await useSignIn(asked, record, body);
    return 'step-up';
  }
  if (needs.code && assurance === 'session') throw codeWrong('This approval takes the first four characters of the digest.');
  return assurance;
}

/** @throws RequestError 428 `proof_needed` */
async function useSignIn(asked: Asked, { decisionId, digest }: ApprovalRecord, body: VerdictBody): Promise<void> {
  const { caller, tenant } = asked;
  const { version } = body;
  const { key } = keyAndProofOf(body);
  const needed = (how: string): RequestError =>
    new RequestError(428, 'proof_needed', `This approval takes ${how} on the page of the approval.`);
  if (!(await maySignInAgain(asked))) throw needed('a signature of your passkey. Sign it');
  const { sessionId = '' } = caller.signedIn as SignedIn;
  // what was shown has a version: without one, the sign-in was for nothing
  const act = { decisionId, digest, version: version ?? 0, verdict: 'approve' } as const;
  if (!(await tenant.identity.sessions.useStepUp(sessionId, act, key)))
    throw needed('a fresh sign-in, for exactly what is shown. Sign in again');
}

function codeWrong(what: string): RequestError {
  return new RequestError(422, 'code_wrong', `${what} Read what will run, and type them.`, { field: 'code' });
}

function mayNotApprove(signedIn: SignedIn): RequestError | undefined {
  if (signedIn.sessionId === undefined)
    return new RequestError(403, 'token_reads_only', 'A personal token reads and denies. Approve on the page, where you are signed in.');
  return mayNotDeny(signedIn);
}

function mayNotDeny({ roles }: SignedIn): RequestError | undefined {
  if (roles.has('approver')) return undefined;
  return new RequestError(403, 'role_missing', 'This needs the role approver. Ask an admin for it.');
}
