import { grantedValues } from '../../../decision/grant/grantedValues.js';
import type { GrantedValue } from '../../../decision/grant/grantedValues.js';
import { grantState } from '../../../model/terms/Grant.js';
import type { Grant, GrantState } from '../../../model/terms/Grant.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { revealedText } from '../revealed.js';
import { timeElement } from '../timeText.js';

/** What the page of grants shows. */
export interface GrantsView {
  readonly paths: Paths;
  readonly nowMs: number;
  /** The newest first. */
  readonly grants: readonly (Grant & { readonly cedar: string })[];
  /** What the form that revokes one carries; absent where this person may not. */
  readonly formToken: string | undefined;
  /** Whether those are among them that are over. */
  readonly all: boolean;
  /** What people call someone, by the id that a revocation has. */
  readonly nameOf: (id: string) => string;
}

const STATES: Readonly<Record<GrantState, string>> = { active: 'active', 'used-up': 'used up', expired: 'expired', revoked: 'revoked' };

/** The page of the standing verdicts. */
export function grantsPage(view: GrantsView): Html {
  const { paths, grants, all } = view;
  const other = all
    ? html`<a href="${paths.grants()}">Show only those that cover calls now</a>`
    : html`<a href="${paths.grants({ all: '1' })}">Show also those that are over</a>`;
  return html`<h1>Grants</h1><p class="muted">Calls that run without asking, because a person approved one like them. ${other}</p>
${grants.length === 0 ? html`<section class="card"><div class="in"><p>There is none. A person who approves a call can propose one, if the policy that asks has <code>@grantable</code>.</p></div></section>` : grants.map((grant) => grantCard(grant, view))}`;
}

function grantCard(grant: Grant & { readonly cedar: string }, { paths, nowMs, formToken, nameOf }: GrantsView): Html {
  const { id, agentId, toolName, used, maxUses, expiresAtMs, by, name, createdAtMs, reason, revoked, fromDecision, lifts } = grant;
  const state = grantState(grant, nowMs);
  return html`<section class="card" id="${id}"><h2><span class="mono">${revealedText(agentId)}</span> <span class="mono">${toolName}</span> <span class="tag${state === 'active' && ' ok'}">${STATES[state]}</span></h2><div class="in">
<p><progress max="${maxUses}" value="${used}">${used} of ${maxUses}</progress> ${used} of ${maxUses} uses, until ${timeElement(expiresAtMs, nowMs)}</p>
<p class="small">Made by <b>${revealedText(name ?? by)}</b> ${timeElement(createdAtMs, nowMs)} with <a href="${paths.approval(fromDecision)}">an approval</a>, for ${grant.anyRequester === true ? 'every user' : html`<span class="mono">${revealedText(grant.requester)}</span>`}. Answers ${lifts.map((policy, i) => html`${i > 0 && ', '}<code>${policy.id}</code>`)}.</p>
${reason !== undefined && html`<p class="aid">“${revealedText(reason, { max: 500 })}”</p>`}
${revoked !== undefined && html`<p class="small">Revoked by <b>${revealedText(nameOf(revoked.by))}</b> ${timeElement(revoked.atMs, nowMs)}${revoked.reason !== undefined && html`: ${revealedText(revoked.reason, { max: 500 })}`}</p>`}
<h3 class="small muted">What each value has to be</h3>
<dl class="facts">${grantedValues(grant).map(valueRow)}</dl>
<details class="fold"><summary>What it covers, as Cedar</summary><pre class="scroll" tabindex="0">${revealedText(grant.cedar)}</pre></details>
${state === 'active' && formToken !== undefined && revokeForm(id, paths, formToken)}</div></section>`;
}

function valueRow({ place, how, what, isLoosened }: GrantedValue): Html {
  const comparison = html`${how}${what !== '' && html` ${revealedText(what, { max: 500 })}`}`;
  return html`<dt class="mono">${revealedText(place, { max: 200 })}</dt><dd>${isLoosened ? html`<b>${comparison}</b>` : comparison}</dd>`;
}

function revokeForm(id: string, paths: Paths, formToken: string): Html {
  return html`<form method="post" action="${paths.revokeGrant(id)}" class="fields"><input type="hidden" name="csrf" value="${formToken}"><label><span>Reason <span class="muted">optional</span></span> <input type="text" name="reason" maxlength="10000"></label><button class="deny">Revoke</button></form>`;
}
