import type { ApprovalCard } from '../../../store/ApprovalStore.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { InboxTab } from '../Paths.js';
import { revealedText } from '../revealed.js';
import { severityOf, severityTag } from '../severityTag.js';
import { agoText, timeLeft } from '../timeText.js';
import { approvalRow, askedBy } from './approvalRow.js';
import type { RowContext } from './approvalRow.js';

/** A row of the inbox: one approval, or more than three of one agent, tool and set of policies. */
export type InboxRow =
  | { readonly kind: 'one'; readonly card: ApprovalCard }
  /** The oldest first. */
  | { readonly kind: 'group'; readonly cards: readonly [ApprovalCard, ...ApprovalCard[]] };

/** What the inbox is asked for. */
export interface InboxQuery {
  readonly tab: InboxTab;
  readonly q?: string | undefined;
  readonly order: 'oldest' | 'ending';
}

/** What the inbox shows. */
export interface InboxView extends RowContext {
  readonly query: InboxQuery;
  /** How many wait, of those that were looked at. */
  readonly counts: Readonly<Record<InboxTab, number>>;
  /** Whether more wait than were looked at. */
  readonly isCut: boolean;
  readonly rows: readonly InboxRow[];
  /** How many rows stand before the first one. */
  readonly before: number;
  /** How many rows there are on all pages. */
  readonly total: number;
  /** The place after which the next page begins. */
  readonly next?: string | undefined;
  /** Policies that no one can decide, because a group that they name has no members. */
  readonly emptyGroups: readonly { readonly policy: string; readonly group: string }[];
  /** What was decided last, where nothing waits. */
  readonly last: readonly ApprovalCard[];
  /** Whether an agent ever asked, or has a key to ask with. */
  readonly hasAgents: boolean;
}

/** How many approvals the inbox looks at: the oldest ones. */
export const MAX_LISTED = 1_000;

const TABS: Readonly<Record<InboxTab, string>> = { me: 'For me', all: 'All', mine: 'Mine as requester' };
const ORDERS = { oldest: 'Oldest first', ending: 'Ending soonest' } as const;

/** The page of what waits for a decision. It decides nothing: that is done where everything is shown. */
export function inboxPage(view: InboxView): Html {
  const { counts, isCut, query, emptyGroups } = view;
  const waits = isCut ? `${MAX_LISTED.toLocaleString('en')} and more` : String(counts.all);
  return html`<h1>Waiting for a decision</h1>
<p class="muted"><b>${waits}</b> ${counts.all === 1 && !isCut ? 'waits' : 'wait'}, <b>${counts.me}</b> of them for you. ${ORDERS[query.order]}.</p>
${emptyGroups.map(({ policy, group }) => html`<p class="notice danger" role="note">No one can decide policy <code>${policy}</code>: group <code>${revealedText(group)}</code> is empty. An admin adds people to it.</p>`)}
<div class="bar">${tabs(view)}${filter(view)}<span class="hint muted small" data-keys-hint><kbd>j</kbd> <kbd>k</kbd> move &nbsp; <kbd>Enter</kbd> open &nbsp; <kbd>/</kbd> filter &nbsp; <kbd>?</kbd> all keys</span></div>
${orders(view)}
<p class="notice" role="status" data-again hidden><span data-again-text></span> <a href="${view.paths.inbox(asked(query))}">Read again</a></p>
<p class="newer" role="status" data-newer="${query.tab}" hidden><a href="${view.paths.inbox(asked(query))}"><span data-newer-text></span>. Show them</a></p>
${view.rows.length === 0 ? empty(view) : list(view)}`;
}

/** A query as links carry it. */
function asked({ tab, q, order }: InboxQuery): Readonly<Record<string, string | undefined>> {
  return { tab: tab === 'me' ? undefined : tab, q, order: order === 'oldest' ? undefined : order };
}

function tabs({ paths, query, counts }: InboxView): Html {
  const links = (Object.keys(TABS) as InboxTab[]).map(
    (tab) =>
      html`<a href="${paths.inbox(asked({ ...query, tab }))}"${tab === query.tab && html` aria-current="page"`}>${TABS[tab]} ${counts[tab]}</a>`,
  );
  return html`<nav class="seg" aria-label="Which approvals">${links}</nav>`;
}

function filter({ paths, query: { tab, q, order } }: InboxView): Html {
  return html`<form role="search" method="get" action="${paths.inbox()}">
${tab !== 'me' && html`<input type="hidden" name="tab" value="${tab}">`}${order !== 'oldest' && html`<input type="hidden" name="order" value="${order}">`}
<input type="search" name="q" value="${q}" maxlength="256" aria-label="Filter by tool, agent, requester, policy or id" placeholder="Tool, agent, requester, policy"></form>`;
}

function orders({ paths, query }: InboxView): Html {
  const other = query.order === 'oldest' ? 'ending' : 'oldest';
  return html`<p class="orders small">${ORDERS[query.order]} · <a href="${paths.inbox(asked({ ...query, order: other }))}">${ORDERS[other]}</a></p>`;
}

function list(view: InboxView): Html {
  const { rows, before, total, next, isCut, paths, query } = view;
  const older = before > 0 && html`<a href="${paths.inbox(asked(query))}">First page</a>`;
  const newer = next !== undefined && html`<a href="${paths.inbox({ ...asked(query), after: next })}" rel="next">Next page</a>`;
  const cut = isCut ? `Showing the oldest ${MAX_LISTED.toLocaleString('en')}. ` : '';
  return html`<div class="list"><div class="row head" aria-hidden="true"><span>Severity</span><span>What and why</span><span>Agent and requester</span><span>Yes so far</span><span class="left">Time left</span></div>
<ol aria-label="Approvals that wait">
${rows.map((row) => (row.kind === 'one' ? approvalRow(row.card, view) : groupRow(row.cards, view)))}
</ol></div>
<div class="pager muted small"><span>${cut}Rows stay where they are while you read; what others decide is marked in place.</span><span>${before + 1}–${before + rows.length} of ${total} ${older} ${newer}</span></div>`;
}

function groupRow(cards: readonly [ApprovalCard, ...ApprovalCard[]], { paths, nowMs, isHalted }: RowContext): Html {
  const [oldest] = cards;
  const { agentId, toolName, policies, reason } = oldest;
  const newest = cards.at(-1) ?? oldest;
  const path = paths.group({ agent: agentId, tool: toolName, policies: policies.map(({ id }) => id).join(',') });
  const ends = Math.min(...cards.map(({ expiresAtMs }) => expiresAtMs));
  return html`<li class="row" data-row>
<span class="sev"><span class="vh">Severity </span>${severityTag(severityOf(policies))}</span>
<div class="what"><div class="head1"><a class="tool" href="${path}">${toolName}</a><div class="tags"><span class="tag">${cards.length} alike</span>${isHalted?.(oldest) === true && html`<span class="tag high">halted</span>`}</div></div>
<div class="why">${revealedText(reason)}</div><div class="args">${cards.length} calls; each is opened and decided by itself</div></div>
${askedBy({ ...oldest, ...(cards.some(({ requester }) => requester !== oldest.requester) && { requester: 'several people', requesterKnown: true }) })}
<div class="quo"><span class="vh">Yes so far </span>each by itself<div class="muted small">asked ${agoText(oldest.createdAtMs, nowMs)} to ${agoText(newest.createdAtMs, nowMs)}</div></div>
<div class="left"><span class="vh">Time left </span>${timeLeft(ends, nowMs)}</div></li>`;
}

function empty({ query, last, paths, nowMs, hasAgents, counts }: InboxView): Html {
  if (query.q !== undefined)
    return html`<section class="card"><div class="in"><p>Nothing that waits has this text. <a href="${paths.inbox(asked({ ...query, q: undefined }))}">Show all</a></p></div></section>`;
  const elsewhere = query.tab === 'me' && counts.all > 0 && html` <a href="${paths.inbox({ tab: 'all' })}">${counts.all} for others</a>`;
  return html`<section class="card empty"><div class="in"><p><b>${query.tab === 'mine' ? 'You have asked for nothing that waits.' : query.tab === 'me' ? 'Nothing waits for you.' : 'Nothing waits.'}</b>${elsewhere}</p>
${last.length > 0 && html`<p class="muted">Decided last:</p><ul>${last.map((card) => html`<li><a href="${paths.approval(card.decisionId)}">${card.toolName}</a> <span class="muted">${card.status}${card.decided && html` by ${revealedText(card.decided.name ?? card.decided.by)}, ${agoText(card.decided.atMs, nowMs)}`}</span></li>`)}</ul>`}
${!hasAgents && html`<p>No agent has asked yet. Connect one:</p><ol class="steps"><li>Make a key for it: <code>npx aegis keys create --name my-agent --agent my-agent</code></li><li>Give it to your program as <code>AEGIS_API_KEY</code>, and this server as <code>AEGIS_BASE_URL</code>.</li><li>Guard a tool. <a href="${paths.help('connect')}">How to</a></li></ol>`}</div></section>`;
}
