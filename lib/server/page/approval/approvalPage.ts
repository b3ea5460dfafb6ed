import { hiddenFromApprover } from '../../../model/view/viewOf.js';
import { whoChanged } from '../../../store/approval/whoChanged.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import type { Halt } from '../../../model/halt/Halt.js';
import { haltedText } from '../haltBanner.js';
import { html } from '../html.js';
import type { ShownPlace } from '../logPlaces.js';
import type { Html } from '../html.js';
import { revealedText } from '../revealed.js';
import { revealedParams } from '../revealedValue.js';
import { severityOf, severityTag } from '../severityTag.js';
import { agoText, timeElement, timeLeft } from '../timeText.js';
import { activityCard } from './activityCard.js';
import { decisionCard } from './decisionCard.js';
import type { DecisionCardView } from './decisionCard.js';
import type { ApprovalLimit } from '../../tenant/TenantLimits.js';
import type { ToldStage } from '../../notify/stage/toldStages.js';
import { limitsCard } from './limitsCard.js';
import { policiesCard } from './policiesCard.js';
import type { PolicyTextOf } from './policiesCard.js';
import { previewCard } from './previewCard.js';
import { factsCard, recordCard } from './recordCard.js';
import { areKept, mayHaveRun } from './runState.js';

/** Something that calls for a closer look, in our words. */
export interface ShownCue {
  /** Where it is, such as `to[0]`; absent where it is about the call. */
  readonly at?: string | undefined;
  readonly text: string;
}

/** What the page of one approval shows. */
export interface ApprovalView extends DecisionCardView {
  /** Shows every character, however many. */
  readonly all: boolean;
  readonly cues: readonly ShownCue[];
  /** The place among those that wait for this person. */
  readonly place?:
    { readonly at: number; readonly of: number; readonly previous?: string | undefined; readonly next?: string | undefined } | undefined;
  /** The limits that its call counts towards. */
  readonly limits?: readonly ApprovalLimit[] | undefined;
  /** The texts of the policies in force. */
  readonly policyTextOf: PolicyTextOf;
  /** The hash of the policies in force. */
  readonly policySetHash: string;
  /** Where its records are in the audit logs. */
  readonly places?: readonly ShownPlace[] | undefined;
  /** Who was reminded of it, and which groups were added. */
  readonly stages?: readonly ToldStage[] | undefined;
  /** What they would say, where that was asked for. */
  readonly redecided?: string | undefined;
}

/** The page of one approval: every character of what will run, why a person is asked, and below all that where the person decides. */
export function approvalPage(view: ApprovalView): Html {
  const { paths, nowMs, record, state, cues, all, report } = view;
  const { decisionId, toolName, version, expiresAtMs } = record;
  const isOpen = state === 'pending';
  const form = isOpen && view.viewer.may && html` data-form`;
  return html`<div data-approval="${decisionId}" data-version="${version}"${form}>
<p class="notice" role="status" data-again hidden><span data-again-text></span> <a href="${paths.approval(decisionId)}">Read again</a></p>
<div class="crumb small"><span><a href="${paths.inbox()}" rel="up">Inbox</a> <span class="muted">/ ${decisionId}</span></span>${neighbours(view)}</div>
<div class="title"><h1>${toolName}</h1>${severityTag(severityOf(record.policies))}</div>
${byline(view)}
<div class="cols"><div>${view.halted !== undefined && haltedNotice(view.halted, view)}${isOpen && criticalNotice(record)}${cues.length > 0 && cuesNotice(cues)}${previewCard(record)}
<section class="card"><h2>${isOpen || state === 'approved' ? 'What will run' : mayHaveRun(state) ? 'What was approved to run' : 'What would have run'} <span class="muted">written by the agent; ${whatIsShown(record, all)}</span></h2>${areKept(record) ? revealedParams(record, { all, changerOf: (name) => changerOf(record, name) }) : html`<p class="in">Its params are not kept once it has ended. The digest below says which they were; <a href="${paths.history({ q: decisionId })}">History</a> has what lists showed of them.</p>`}</section>
${policiesCard(record, nowMs, view.policyTextOf, all, view.viewer.seats)}${limitsCard(view.limits ?? [], paths, nowMs)}${factsCard(record, all)}${recordCard(record, view)}</div>
<aside class="decide" id="decide" aria-label="Decision">${decisionCard(view)}${activityCard(view.edited?.before ?? record, report, nowMs, view.stages ?? [], paths)}</aside></div>
${isOpen && html`<nav class="stick" aria-label="Jump"><span>${timeLeft(expiresAtMs, nowMs)}</span><a class="btn" href="#decide">Go to the decision</a></nav>`}</div>`;
}

function whatIsShown(record: ApprovalRecord, all: boolean): string {
  if (!areKept(record)) return 'no longer kept';
  const hidden = hiddenFromApprover(record).length;
  if (hidden > 0) return `${hidden === 1 ? '1 value is' : `${hidden} values are`} hidden from you`;
  return `${all ? 'all of it, and every character' : 'every character'} is shown`;
}

/** Who has changed a param, as far as people have; `undefined` where a policy alone has. */
function changerOf(record: ApprovalRecord, name: string): string | undefined {
  const { people, policy } = whoChanged(record, name);
  return people.length === 0 ? undefined : [...people, ...(policy ? ['a policy'] : [])].join(', ');
}

function neighbours({ paths, place }: ApprovalView): Html | false {
  if (place === undefined) return false;
  const { at, of, previous, next } = place;
  return html`<nav aria-label="Approvals that wait for you"><span class="muted">${at} of ${of}</span>${previous !== undefined && html`<a href="${paths.approval(previous)}" rel="prev">Previous</a>`}${next !== undefined && html`<a href="${paths.approval(next)}" rel="next">Next</a>`}</nav>`;
}

function byline({ record, nowMs, state }: ApprovalView): Html {
  const { agentId, requester, requesterKnown, createdAtMs } = record;
  const isKnown = requesterKnown || requester !== agentId;
  const asked = isKnown
    ? html`for <b>${revealedText(requester)}</b> (${requesterKnown ? 'as its program vouches' : 'as the agent says'})`
    : html`<b>no signed-in user</b>`;
  const ran =
    state === 'pending'
      ? 'Nothing runs until this is decided.'
      : state === 'approved'
        ? 'It has not run yet.'
        : mayHaveRun(state)
          ? ''
          : 'It did not run.';
  return html`<p class="byline">Agent <b class="mono">${revealedText(agentId)}</b>, ${asked}. Asked ${agoText(createdAtMs, nowMs)}, ${timeElement(createdAtMs, nowMs)}. ${ran}</p>`;
}

function haltedNotice({ scope, untilMs }: Halt, { paths, nowMs }: ApprovalView): Html {
  const end = untilMs === undefined ? 'until the halt is lifted' : html`until ${timeElement(untilMs, nowMs)}, or until the halt is lifted`;
  return html`<section class="notice danger"><h2>Halted</h2><p>This call does not run ${end}: ${haltedText(scope)}. <a href="${paths.halts()}">See the halts</a></p></section>`;
}

function criticalNotice({ policies }: ApprovalRecord): Html | false {
  const critical = policies.filter((policy) => severityOf([policy]) === 'critical');
  if (critical.length === 0) return false;
  const ids = critical.map(({ id }, i) => html`${i > 0 && ', '}<code>${id}</code>`);
  return html`<section class="notice danger"><h2>Marked critical</h2><ul><li>${critical.length === 1 ? 'Policy' : 'Policies'} ${ids}: what it does may be impossible to take back. Read every line before you decide.</li></ul></section>`;
}

function cuesNotice(cues: readonly ShownCue[]): Html {
  const things = cues.length === 1 ? '1 thing' : `${cues.length} things`;
  return html`<section class="notice"><h2>Look closely: ${things}</h2><ul>${cues.map(({ at, text }) => html`<li>${at !== undefined && html`<code>${revealedText(at)}</code> `}${text}</li>`)}</ul></section>`;
}
