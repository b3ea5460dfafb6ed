import { hiddenFromApprover } from '../../../model/view/viewOf.js';
import type { ApprovalRecord, Assurance } from '../../../store/ApprovalStore.js';
import type { Halt } from '../../../model/halt/Halt.js';
import { viewedSeats } from '../../../decision/desk/quorum/viewedSeats.js';
import type { ViewedSeats } from '../../../decision/desk/quorum/viewedSeats.js';
import { approversAt } from '../../../model/terms/approversAt.js';
import { recordedSeats } from '../../../model/terms/recordedSeats.js';
import type { GrantProposal } from '../../../model/terms/GrantProposal.js';
import { grantFields } from '../govern/grantFields.js';
import type { CountedTerms } from '../govern/grantFields.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { revealedText } from '../revealed.js';
import { severityOf } from '../severityTag.js';
import { timeElement, timeLeft, timeText } from '../timeText.js';
import { editCard } from './editCard.js';
import { whoMay } from './policiesCard.js';
import type { RunReport, RunState } from './runState.js';

/** What a yes takes of this person. */
export interface ApproveNeeds {
  /** The least that shows that it is this person. */
  readonly assurance: Assurance;
  readonly reason: 'needed' | 'optional';
  /** Whether the first four characters of the digest are typed. */
  readonly code: boolean;
}

/** What was sent and not recorded, to be shown in the form again. */
export interface RefusedVerdict {
  readonly reason: string;
  /** What is wrong, beside its field, or above the form. */
  readonly errors: Readonly<Partial<Record<'form' | 'reason' | 'code' | 'hidden' | 'edit' | 'grant', string>>>;
  /** What was typed in the form for edits, or about a grant, by field. */
  readonly typed?: Readonly<Record<string, string>> | undefined;
}

/** What this person may do about an approval that is pending. */
export type Viewer =
  | {
      readonly may: true;
      /** The groups for which the person decides. */
      readonly as: readonly string[];
      /** Groups of which a yes is still needed after this one, each as often as people are; `undefined` of a policy that any approver may decide. */
      readonly stillNeeded: readonly (readonly string[] | undefined)[];
      readonly needs: ApproveNeeds;
      /** Whether the person has what a yes takes: false where that is a passkey and they have none. */
      readonly hasPasskey: boolean;
      /** Until when the fresh sign-in of this person counts for a yes to this, in epoch milliseconds. */
      readonly signedInAgainUntilMs?: number | undefined;
      readonly formToken: string | undefined;
      /** The same form sent twice is one verdict. */
      readonly key: string;
      /** What says that this page, which shows all of it, was served to this person; absent where the page may cut. */
      readonly shownAll?: string | undefined;
      /** Whether a yes has to wait until all of it is shown. */
      readonly mustShowAll: boolean;
      /** Why the person may record the edit that is shown, and not approve it. */
      readonly onlySaves?: string | undefined;
      /** Who counts for which policy, as people are known now. */
      readonly seats?: readonly ViewedSeats[] | undefined;
    }
  | {
      readonly may: false;
      /** Why this person may not decide. */
      readonly why: string;
      readonly seats?: readonly ViewedSeats[] | undefined;
      /** For who has said yes, and may still say no. */
      readonly denies?: { readonly formToken: string | undefined; readonly key: string } | undefined;
    };

/** What the right column of an approval shows. */
export interface DecisionCardView {
  readonly paths: Paths;
  readonly nowMs: number;
  readonly record: ApprovalRecord;
  readonly state: RunState;
  readonly report?: RunReport | undefined;
  readonly viewer: Viewer;
  readonly refused?: RefusedVerdict | undefined;
  /** The next one that waits for this person. */
  readonly next?: string | undefined;
  /** Set where the page shows the approval as an edit would make it: what is not recorded yet. */
  readonly edited?:
    | {
        /** As it is in the store. */
        readonly before: ApprovalRecord;
        /** The edit, as a verdict carries it. */
        readonly edit: string;
        /** Policies that would ask besides. */
        readonly added: readonly string[];
      }
    | undefined;
  /** The halt under which the call does not run now. */
  readonly halted?: Halt | undefined;
  /** What a grant could be that is made with the yes. */
  readonly proposal?: GrantProposal | undefined;
  /** What its history is counted with. @defaultValue nothing is loosened */
  readonly counted?: CountedTerms | undefined;
}

/** Where the person decides, or reads who did and what became of it. */
export function decisionCard(view: DecisionCardView): Html {
  const { state } = view;
  if (state !== 'pending') return settledCard(view, state);
  if (!view.viewer.may) return notYoursCard(view, view.viewer);
  const { paths, record, refused, edited, viewer } = view;
  if (edited !== undefined) return formCard(view, viewer);
  return html`${formCard(view, viewer)}${editCard({ paths, record, formToken: viewer.formToken, error: refused?.errors.edit, typed: refused?.typed })}`;
}

function clock({ record: { expiresAtMs }, nowMs }: DecisionCardView): Html {
  return html`<div class="clock"><b>${timeLeft(expiresAtMs, nowMs, true)}</b><span class="muted small">ends ${timeElement(expiresAtMs, nowMs)}, then it does not run</span></div>`;
}

function formCard(view: DecisionCardView, viewer: Extract<Viewer, { readonly may: true }>): Html {
  const { paths, record, refused, edited } = view;
  const { onlySaves } = viewer;
  const { needs, mustShowAll, hasPasskey, signedInAgainUntilMs } = viewer;
  const { decisionId, digest, version } = record;
  const critical = severityOf(record.policies) === 'critical';
  const byPasskey = needs.assurance === 'passkey';
  const mustSignIn = needs.assurance === 'step-up' && signedInAgainUntilMs === undefined;
  const grant =
    edited === undefined &&
    !mustShowAll &&
    !mustSignIn &&
    hasPasskey &&
    grantFields({ ...view, typed: refused?.typed, error: refused?.errors.grant });
  const label = `Approve${edited === undefined ? '' : ' the edited call'}${byPasskey ? ' with passkey' : ''}`;
  const save = html`<button name="verdict" value="amend" data-verdict="amend">Only save the edit</button>`;
  const approve = mustShowAll
    ? html`<a class="btn" href="${paths.approval(decisionId, { all: '1' })}#decide">Show all to approve</a>`
    : mustSignIn
      ? html`<a class="btn approve" href="${paths.signInAgain(record)}">Sign in again to approve</a>`
      : hasPasskey &&
        html`<button class="approve${critical && ' critical'}" name="verdict" value="approve" data-verdict="approve">${label}</button>`;
  return html`<section class="card"><div class="in">${clock(view)}
${edited !== undefined && editedNote(view, edited)}<p class="small">${onlySaves ?? html`${decidesAs(viewer)} ${whatFollows(viewer, view.halted !== undefined)}`}</p>
${mustShowAll && html`<p class="small">Some of it is not shown on this page. You can approve where all of it is.</p>`}
${!hasPasskey && html`<p class="small">A yes takes a passkey, and you have none. <a href="${paths.me()}">Add one</a></p>`}
${mustSignIn && html`<p class="small">A yes takes a fresh sign-in, which counts for five minutes and for exactly this. Write your reason after it.</p>`}
${signedInAgainUntilMs !== undefined && html`<p class="small">You signed in again for exactly this: you can approve it until ${timeElement(signedInAgainUntilMs, view.nowMs)}.</p>`}
${byPasskey && hasPasskey && html`<p class="small muted">Your passkey signs this digest and this verdict${edited === undefined && view.proposal?.ceiling !== undefined && ', with the grant if you make one'}: nothing else.</p><noscript><p class="small error">Signing takes script, which is off. You can deny.</p></noscript>`}
${error(refused?.errors.form ?? (grant === false ? refused?.errors.grant : undefined), 'form')}
<form method="post" action="${paths.verdict(decisionId)}"${byPasskey && html` data-challenge="${paths.challenge(decisionId)}"`}><button disabled hidden></button>
<input type="hidden" name="csrf" value="${viewer.formToken}"><input type="hidden" name="digest" value="${edited?.before.digest ?? digest}">${edited !== undefined && html`<input type="hidden" name="edit" value="${edited.edit}">`}<input type="hidden" name="version" value="${version}"><input type="hidden" name="idempotency_key" value="${viewer.key}">${viewer.shownAll !== undefined && html`<input type="hidden" name="shown_all" value="${viewer.shownAll}">`}${byPasskey && PROOF}
<label for="reason">Reason <span class="muted">${needs.reason === 'needed' ? 'needed to approve' : 'optional'}; the model does not see it</span></label>
<textarea id="reason" name="reason" maxlength="10000"${needs.reason === 'needed' && html` data-needed`}${described(refused?.errors.reason, 'reason')}>${refused?.reason}</textarea>${error(refused?.errors.reason, 'reason')}
${hiddenField(record, refused)}${needs.code && codeField(digest, refused)}
${grant}
<div class="acts${!hasPasskey && !mustShowAll && ' one'}">${edited === undefined ? html`<button class="deny" name="verdict" value="deny" data-verdict="deny">Deny</button>` : save}${onlySaves === undefined && approve}</div></form>
<p class="small" role="status" data-say></p></div></section>`;
}

function editedNote({ paths, record }: DecisionCardView, { added }: NonNullable<DecisionCardView['edited']>): Html {
  return html`<p class="small"><b>This is the call as you edited it.</b> Nothing is recorded yet. <a href="${paths.approval(record.decisionId)}">Discard the edit</a></p>${
    added.length > 0 &&
    html`<p class="small">It needs more: ${added.map((id, i) => html`${i > 0 && ', '}<code>${id}</code>`)} asks about it, too.</p>`
  }`;
}

/** What the script of passkeys fills in. */
const PROOF: Html = html`<input type="hidden" name="verdict" value="approve" disabled data-signed-verdict><input type="hidden" name="proof_credential"><input type="hidden" name="proof_nonce"><input type="hidden" name="proof_client_data"><input type="hidden" name="proof_authenticator_data"><input type="hidden" name="proof_signature"><p class="error small" role="alert" data-passkey-fault hidden></p>`;

/** What a person who approves confirms: never ticked beforehand. */
function hiddenField(record: ApprovalRecord, refused: RefusedVerdict | undefined): Html | false {
  const count = hiddenFromApprover(record).length;
  if (count === 0) return false;
  const what = count === 1 ? '1 value is' : `${count} values are`;
  return html`<label class="check" for="hidden"><input type="checkbox" id="hidden" name="acknowledge_hidden" value="${String(count)}"${described(refused?.errors.hidden, 'hidden')} data-needed> ${what} hidden from me, and I approve without having seen ${count === 1 ? 'it' : 'them'}</label>${error(refused?.errors.hidden, 'hidden')}`;
}

function codeField(digest: string, refused: RefusedVerdict | undefined): Html {
  return html`<label for="code">Type <code>${digest.slice(0, 4)}</code> to approve</label>
<div class="code"><input type="text" id="code" name="code" maxlength="4" autocomplete="off" spellcheck="false" autocapitalize="off" aria-describedby="code-help${refused?.errors.code !== undefined && ' code-error'}"${refused?.errors.code !== undefined && html` aria-invalid="true"`} data-needed><span class="muted small" id="code-help">first four of the digest</span></div>${error(refused?.errors.code, 'code')}`;
}

function described(message: string | undefined, field: string): Html | false {
  return message !== undefined && html` aria-invalid="true" aria-describedby="${field}-error"`;
}

function error(message: string | undefined, field: string): Html | false {
  return message !== undefined && html`<p class="error small" id="${field}-error" role="alert">${message}</p>`;
}

function decidesAs({ as }: Extract<Viewer, { readonly may: true }>): Html {
  return as.length === 0
    ? html`You may decide this.`
    : html`You decide as ${as.map((group, i) => html`${i > 0 && ', '}<b>${revealedText(group)}</b>`)}.`;
}

function whatFollows({ stillNeeded }: Extract<Viewer, { readonly may: true }>, isHalted: boolean): Html {
  if (stillNeeded.length === 0)
    return isHalted
      ? html`Yours is the last yes: the call runs once it is no longer halted.`
      : html`Yours is the last yes: the call runs at once.`;
  const people = (groups: readonly string[] | undefined): number => stillNeeded.filter((one) => one === groups).length;
  const who = [...new Set(stillNeeded)].map(
    (groups, i) =>
      html`${i > 0 && ' and '}${people(groups) > 1 && html`${people(groups)} people (each `}<b>${whoMay(groups)}</b>${people(groups) > 1 && ')'}`,
  );
  return html`After yours, ${who} ${stillNeeded.length === 1 ? 'is' : 'are'} still needed.`;
}

function notYoursCard(view: DecisionCardView, { why, denies, seats }: Extract<Viewer, { readonly may: false }>): Html {
  const { policies, createdAtMs } = view.record;
  const filled = seats ?? viewedSeats(recordedSeats(view.record));
  const open = policies.filter(({ id }) => filled.some((one) => one.id === id && one.filledBy.length < one.needed));
  const who = open.map(
    (policy, i) =>
      html`${i > 0 && '; '}${whoMay(approversAt(policy, view.nowMs - createdAtMs))} <span class="muted">(policy <code>${policy.id}</code>)</span>`,
  );
  return html`<section class="card" role="status"><h2>${denies === undefined ? 'Not yours to decide' : 'You said yes'}</h2><div class="in">${clock(view)}<p>${why}</p>
<p class="aid">Who may: ${who}</p>${denies !== undefined && denyForm(view, denies)}</div></section>`;
}

/** Who has said yes may still say no. */
function denyForm(
  { paths, record: { decisionId, digest, version }, refused }: DecisionCardView,
  { formToken, key }: { readonly formToken: string | undefined; readonly key: string },
): Html {
  return html`${error(refused?.errors.form, 'form')}<form method="post" action="${paths.verdict(decisionId)}"><input type="hidden" name="csrf" value="${formToken}"><input type="hidden" name="digest" value="${digest}"><input type="hidden" name="version" value="${version}"><input type="hidden" name="idempotency_key" value="${key}">
<label for="reason">Reason <span class="muted">optional; the model does not see it</span></label>
<textarea id="reason" name="reason" maxlength="10000">${refused?.reason}</textarea>
<div class="acts one"><button class="deny" name="verdict" value="deny" data-verdict="deny">Deny after all</button></div></form>`;
}

function settledCard({ paths, record, report, nowMs, refused, next }: DecisionCardView, state: Exclude<RunState, 'pending'>): Html {
  const last = record.verdicts.at(-1);
  const who = last && revealedText(last.name ?? last.by);
  const by = last && html`${who}, ${timeElement(last.atMs, nowMs)}.`;
  const [title, ...lines] = settledText(state, { who, by, report, nowMs, paths });
  const late = refused !== undefined && html`<p>That was while you had this open. It stands; your verdict was not recorded.</p>`;
  const more = next !== undefined && html`<div class="more small"><a href="${paths.approval(next)}" rel="next">Next approval</a></div>`;
  return html`<section class="card" role="status"><h2>${title}</h2><div class="in">${lines.map((line) => html`<p>${line}</p>`)}${late}
${last?.reason !== undefined && last.reason !== '' && html`<p class="aid">“${revealedText(last.reason, { max: 500 })}”</p>`}${more}<p class="small" role="status" data-say></p></div></section>`;
}

interface Settled {
  readonly who: Html | undefined;
  /** The last person and when. */
  readonly by: Html | undefined;
  readonly report: RunReport | undefined;
  readonly nowMs: number;
  readonly paths: Paths;
}

function settledText(state: Exclude<RunState, 'pending'>, { who, by, report, nowMs, paths }: Settled): readonly (Html | string)[] {
  const approved = by === undefined ? 'It was approved.' : html`Approved by ${by}`;
  const at = report === undefined ? '' : timeText(report.atMs, nowMs);
  switch (state) {
    case 'denied':
      return [who === undefined ? 'Denied' : html`Denied by ${who}`, html`${by} It did not run.`];
    case 'expired':
      return ['Time is over', 'No one decided in time. It did not run.'];
    case 'late':
      return ['Approved, but not run in time', approved, 'Its caller did not use the approval while it was good. It did not run.'];
    case 'withdrawn':
      return ['Withdrawn', 'Its caller no longer wants it. It did not run.'];
    case 'approved':
      return [who === undefined ? 'Approved' : html`Approved by ${who}`, approved, 'It waits to run.'];
    case 'running':
      return ['Running', approved, 'It has begun. Its caller has not said yet how it ended.'];
    case 'unreported':
      return ['Its end was not reported', approved, 'The approval was used, and its caller has not said how the run ended.'];
    case 'completed':
      return ['Done', approved, `It ran. Its caller said so at ${at}.`];
    case 'failed':
      return [
        'Failed',
        approved,
        html`It began and ended in an error, its caller said at ${at}.${report?.errorCode !== undefined && html` Code: ${revealedText(report.errorCode)}`}`,
      ];
    case 'unknown':
      return [
        'It may have run',
        approved,
        html`Its process ended before it could say. Someone has to find out: <a href="${paths.unknown()}">Unknown outcomes</a>`,
      ];
  }
}
