import type { ApprovalLimit } from '../../tenant/TenantLimits.js';
import { amountText } from '../govern/windowText.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { revealedText } from '../revealed.js';
import { timeElement } from '../timeText.js';

/** The limits that the call of an approval counts towards: how much of each is used without it, and with it. */
export function limitsCard(limits: readonly ApprovalLimit[], paths: Paths, nowMs: number): Html | false {
  if (limits.length === 0) return false;
  const isAsked = limits.some(({ asked }) => asked);
  const what = isAsked ? 'a person is asked because of one' : 'it counts when it runs';
  return html`<section class="card" id="limits"><h2>Limits <span class="muted">${what}</span></h2><ul class="in why-list">${limits.map((one) => limitItem(one, paths, nowMs))}</ul></section>`;
}

function limitItem(
  { policyId, by, used, cost, isOver, limit, endsAtMs, asked, counted, observed }: ApprovalLimit,
  paths: Paths,
  nowMs: number,
): Html {
  const after = used + (cost ?? 0);
  const withIt = cost === undefined ? 'what this call adds is hidden from you' : `${amountText(after)} with this call`;
  const level = isOver ? 'full' : 'free';
  const tag = asked
    ? html`<span class="tag warn">asks, because the limit is reached</span>`
    : isOver && (observed ? html`<span class="tag">over, but only watched</span>` : html`<span class="tag high">does not fit now</span>`);
  const who = Object.entries(by).map(
    ([dimension, value], i) => html`${i > 0 && ', '}${dimension} <span class="mono">${revealedText(value)}</span>`,
  );
  return html`<li><b><a href="${paths.limits({ q: policyId })}">${revealedText(policyId)}</a></b> ${tag}
<div><progress class="${level}" max="${Math.max(limit, after, 1)}" value="${after}">${amountText(after)} of ${amountText(limit)}</progress> <span class="nums">${amountText(used)} of ${amountText(limit)} used${counted ? ' beside this call' : ''}; ${withIt}</span></div>
<p class="muted small">Counted for ${who}; free again by ${timeElement(endsAtMs, nowMs)}.${counted && ' This call is counted already, and given back where it does not run.'}</p></li>`;
}
