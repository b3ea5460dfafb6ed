import { grantState } from '../../../model/terms/Grant.js';
import type { Grant } from '../../../model/terms/Grant.js';
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
}

/** The page of the standing verdicts. */
export function grantsPage(view: GrantsView): Html {
  const { paths, grants, all } = view;
  const other = all
    ? html`<a href="${paths.grants()}">Only those that cover calls now</a>`
    : html`<a href="${paths.grants({ all: '1' })}">Those too that are over</a>`;
  return html`<h1>Grants</h1><p class="muted">Calls that run without asking, because a person approved one like them. ${other}</p>
${grants.length === 0 ? html`<section class="card"><div class="in"><p>There are none. Who approves a call of a policy with <code>@grantable</code> can propose one.</p></div></section>` : grants.map((grant) => grantCard(grant, view))}`;
}

function grantCard(grant: Grant & { readonly cedar: string }, { paths, nowMs, formToken }: GrantsView): Html {
  const { id, agentId, toolName, used, maxUses, expiresAtMs, by, name, createdAtMs, reason, revoked, fromDecision, lifts } = grant;
  const state = grantState(grant, nowMs);
  return html`<section class="card" id="${id}"><h2><span class="mono">${revealedText(agentId)}</span> <span class="mono">${toolName}</span> <span class="tag">${state}</span></h2><div class="in">
<p><progress max="${maxUses}" value="${used}">${used} of ${maxUses}</progress> ${used} of ${maxUses} uses, until ${timeElement(expiresAtMs, nowMs)}</p>
<p class="small">Made by <b>${revealedText(name ?? by)}</b> ${timeElement(createdAtMs, nowMs)} with <a href="${paths.approval(fromDecision)}">an approval</a>, for ${grant.anyRequester === true ? 'every user' : html`<span class="mono">${revealedText(grant.requester)}</span>`}. Answers ${lifts.map((policy, i) => html`${i > 0 && ', '}<code>${policy.id}</code>`)}.</p>
${reason !== undefined && html`<p class="aid">“${revealedText(reason, { max: 500 })}”</p>`}
${revoked !== undefined && html`<p class="small">Revoked by ${revealedText(revoked.by)} ${timeElement(revoked.atMs, nowMs)}${revoked.reason !== undefined && html`: ${revealedText(revoked.reason, { max: 500 })}`}</p>`}
<details><summary>What it covers, as Cedar</summary><pre class="scroll" tabindex="0">${revealedText(grant.cedar)}</pre></details>
${state === 'active' && formToken !== undefined && revokeForm(id, paths, formToken)}</div></section>`;
}

function revokeForm(id: string, paths: Paths, formToken: string): Html {
  return html`<form method="post" action="${paths.revokeGrant(id)}"><input type="hidden" name="csrf" value="${formToken}"><label for="reason-${id}">Reason <span class="muted">optional</span></label><input type="text" id="reason-${id}" name="reason" maxlength="10000"><div class="acts one"><button class="deny">Revoke</button></div></form>`;
}
