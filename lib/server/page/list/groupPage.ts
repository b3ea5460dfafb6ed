import type { ApprovalCard, CardParam } from '../../../store/ApprovalStore.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { revealedText } from '../revealed.js';
import { severityOf, severityTag } from '../severityTag.js';
import { agoText, timeLeft } from '../timeText.js';
import type { RowContext } from './approvalRow.js';

/** What the page of calls that are alike shows. */
export interface GroupView extends RowContext {
  readonly agentId: string;
  readonly toolName: string;
  /** Ids of the policies that ask. */
  readonly policies: readonly string[];
  /** Those that wait, the oldest first. */
  readonly cards: readonly ApprovalCard[];
  /** What the form to deny them all carries; absent where this person may not. */
  readonly deny?: { readonly formToken: string | undefined } | undefined;
}

/** More than so many alike become one row. */
export const MAX_ALIKE = 3;

/** The page of calls of one agent, tool and set of policies: what differs between them. They can be denied together, and are approved one by one. */
export function groupPage(view: GroupView): Html {
  const { paths, nowMs, agentId, toolName, policies, cards } = view;
  const crumb = html`<div class="crumb small"><span><a href="${paths.inbox()}" rel="up">Inbox</a> <span class="muted">/ alike</span></span></div>`;
  const [oldest] = cards;
  if (oldest === undefined)
    return html`${crumb}<div class="title"><h1>${toolName}</h1></div><p class="byline">No call of this agent, tool and policy waits now. <a href="${paths.history({ agent: agentId, tool: toolName })}">History</a></p>`;
  const { same, differing } = compare(cards);
  return html`${crumb}
<div class="title"><h1>${toolName}</h1>${severityTag(severityOf(oldest.policies))}<span class="tag">${cards.length} alike</span></div>
<p class="byline">Agent <b class="mono">${revealedText(agentId)}</b>. ${revealedText(oldest.reason)}. Policy ${policies.map((id, i) => html`${i > 0 && ', '}<code>${id}</code>`)}. Nothing runs until each is decided.</p>
<div class="cols"><div>
${same.length > 0 && html`<section class="card"><h2>The same in all <span class="muted">written by the agent</span></h2><div class="in args">${same.map(shownParam)}</div></section>`}
<section class="card"><h2>What differs <span class="muted">cut; every character is shown where each is opened</span></h2><ol class="alike">
${cards.map(
  (
    card,
  ) => html`<li class="alike-row" data-row data-approval="${card.decisionId}"><div class="head1"><a href="${paths.approval(card.decisionId)}">Open</a> <span class="muted small">asked ${agoText(card.createdAtMs, nowMs)}, ${timeLeft(card.expiresAtMs, nowMs)}${card.requesterKnown && html`, for ${revealedText(card.requester)}`}</span><span class="tag ok" data-state hidden></span></div>
<div class="args">${(card.summary ?? []).filter(({ name }) => differing.has(name)).map(shownParam)}${card.unlisted !== undefined && html`<span class="u nl">+${card.unlisted} more</span>`}</div></li>`,
)}
</ol></section></div>
<aside class="decide" id="decide" aria-label="Decision">${denyAll(view)}</aside></div>`;
}

function denyAll({ paths, deny, cards, agentId, toolName, policies }: GroupView): Html {
  if (deny === undefined)
    return html`<section class="card"><h2>Not yours to decide</h2><div class="in"><p>Open one of them to read who may.</p></div></section>`;
  return html`<section class="card"><div class="in"><p class="small">You can deny these together, with one reason. Each is approved by itself, where every character of it is shown.</p>
<details class="fold"><summary>Deny all ${cards.length}…</summary>
<form method="post" action="${paths.group({})}"><button disabled hidden></button>
<input type="hidden" name="csrf" value="${deny.formToken}"><input type="hidden" name="agent" value="${agentId}"><input type="hidden" name="tool" value="${toolName}"><input type="hidden" name="policies" value="${policies.join(',')}"><input type="hidden" name="ids" value="${cards.map(({ decisionId }) => decisionId).join(',')}">
<label for="reason">Reason <span class="muted">optional; the model does not see it</span></label><textarea id="reason" name="reason" maxlength="10000"></textarea>
<div class="acts one"><button class="deny" data-verdict="deny">Deny all ${cards.length}</button></div></form></details></div></section>`;
}

function shownParam({ name, text, cut }: CardParam): Html {
  return html`<div><b class="mono">${revealedText(name)}</b> = <span class="v inline">${revealedText(text)}</span>${cut !== undefined && html` <span class="u nl">+${cut} characters</span>`}</div>`;
}

/** The params that are the same in all cards, and the names of the others. */
function compare(cards: readonly ApprovalCard[]): { readonly same: readonly CardParam[]; readonly differing: ReadonlySet<string> } {
  const [first, ...rest] = cards.map(({ summary = [] }) => summary);
  const isSame = (param: CardParam): boolean =>
    param.cut === undefined &&
    rest.every((summary) => summary.some(({ name, text, cut }) => name === param.name && text === param.text && cut === undefined));
  const same = (first ?? []).filter(isSame);
  const names = new Set(cards.flatMap(({ summary = [] }) => summary.map(({ name }) => name)));
  for (const { name } of same) names.delete(name);
  return { same, differing: names };
}
