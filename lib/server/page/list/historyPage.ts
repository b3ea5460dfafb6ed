import type { ApprovalCard } from '../../../store/ApprovalStore.js';
import { cardState, mayHaveRun } from '../approval/runState.js';
import type { RunState } from '../approval/runState.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { logPlaces } from '../logPlaces.js';
import type { ShownPlace } from '../logPlaces.js';
import { revealedText } from '../revealed.js';
import { severityOf, severityTag } from '../severityTag.js';
import { agoText, timeText } from '../timeText.js';
import { askedBy, summaryOf } from './approvalRow.js';
import type { RowContext } from './approvalRow.js';

/** The fields of the form, as they were typed. */
export type HistoryQuery = Readonly<Partial<Record<(typeof HISTORY_FIELDS)[number], string>>>;

/** What the history can be searched by. */
export const HISTORY_FIELDS = ['q', 'status', 'agent', 'tool', 'by', 'since', 'until'] as const;

/** What the history shows. */
export interface HistoryView extends RowContext {
  readonly query: HistoryQuery;
  /** What is wrong with a field. */
  readonly errors: Readonly<Partial<Record<keyof HistoryQuery, string>>>;
  readonly rows: readonly ApprovalCard[];
  /** Where the records of each are in the audit logs, by id; empty where the server keeps no log. */
  readonly places: ReadonlyMap<string, readonly ShownPlace[]>;
  /** For the next page. */
  readonly next?: string | undefined;
  readonly isFirst: boolean;
  /** Whether this person may take it as a file. */
  readonly mayExport: boolean;
}

const STATUSES = { pending: 'Waits', approved: 'Approved', denied: 'Denied', expired: 'Time is over', withdrawn: 'Withdrawn' } as const;

/** What became of a call, in a word or two. */
export const STATE_WORDS: Readonly<Record<RunState, string>> = {
  pending: 'waits for a decision',
  approved: 'has not run yet',
  denied: 'did not run',
  expired: 'did not run',
  late: 'not run in time',
  withdrawn: 'did not run',
  running: 'running',
  unreported: 'end not reported',
  completed: 'done',
  failed: 'failed',
  unknown: 'may have run',
};

/** The page of all approvals that are kept, the newest first: who decided, and how the run ended. */
export function historyPage(view: HistoryView): Html {
  const { rows, paths, query, next, isFirst } = view;
  const pages = html`<div class="pager muted small"><span>${rows.length} on this page, newest first.</span><span>${!isFirst && html`<a href="${paths.history(query)}">First page</a>`}${next !== undefined && html`<a href="${paths.history({ ...query, cursor: next })}" rel="next">Next page</a>`}</span></div>`;
  const more = next !== undefined && 'The search looked through many approvals and found none of these yet.';
  return html`<h1>History</h1><p class="muted">What agents asked, who decided, and how the run ended.</p>${form(view)}${exports(view)}
${
  rows.length === 0
    ? html`<section class="card"><div class="in"><p>${Object.keys(query).length === 0 ? 'No agent has asked yet.' : 'No approval is like this.'} ${more}</p></div></section>${next !== undefined && pages}`
    : html`<div class="list history"><div class="row head" aria-hidden="true"><span>Severity</span><span>What and why</span><span>Agent and requester</span><span>Verdict</span><span class="left">Run</span></div><ol aria-label="Approvals, newest first">${rows.map((row) => historyRow(row, view))}</ol></div>${pages}`
}`;
}

function exports({ paths, query, mayExport, errors }: HistoryView): Html | false {
  if (!mayExport || Object.keys(errors).length > 0) return false;
  const link = (format: string, name: string): Html => html`<a href="${paths.historyExport({ ...query, format })}" download>${name}</a>`;
  return html`<p class="orders small">All of these as a file: ${link('csv', 'CSV')} · ${link('jsonl', 'JSON Lines')}</p>`;
}

function form({ paths, query, errors }: HistoryView): Html {
  const field = (name: 'agent' | 'tool' | 'by', label: string): Html =>
    html`<div><label for="${name}">${label}</label><input type="text" id="${name}" name="${name}" value="${query[name]}" maxlength="256"></div>`;
  const day = (name: 'since' | 'until', label: string): Html =>
    html`<div><label for="${name}">${label}</label><input type="date" id="${name}" name="${name}" value="${query[name]}"${errors[name] !== undefined && html` aria-invalid="true" aria-describedby="${name}-error"`}>${errors[name] !== undefined && html`<p class="error small" id="${name}-error">${errors[name]}</p>`}</div>`;
  const options = Object.entries(STATUSES).map(
    ([status, word]) => html`<option value="${status}"${query.status === status && html` selected`}>${word}</option>`,
  );
  return html`<form role="search" method="get" action="${paths.history()}" class="search">
<div class="wide"><label for="q">Text</label><input type="search" id="q" name="q" value="${query.q}" maxlength="256" placeholder="Id, tool, agent, requester, reason, policy, person, start of the digest"></div>
<div><label for="status">Verdict</label><select id="status" name="status"><option value="">Any</option>${options}</select></div>
${field('agent', 'Agent')}${field('tool', 'Tool')}${field('by', 'Decided by (id)')}${day('since', 'Asked from')}${day('until', 'Asked until')}
<div class="go"><button>Search</button></div></form>`;
}

function historyRow(card: ApprovalCard, { paths, nowMs, places }: HistoryView): Html {
  const state = cardState(card, nowMs);
  const { decided, createdAtMs } = card;
  const who = decided === undefined ? undefined : html`by ${revealedText(decided.name ?? decided.by)}, ${timeText(decided.atMs, nowMs)}`;
  const inLog = places.get(card.decisionId) ?? [];
  const kind = state === 'unknown' || state === 'unreported' ? ' warn' : state === 'completed' ? ' ok' : '';
  return html`<li class="row" data-row><span class="sev"><span class="vh">Severity </span>${severityTag(severityOf(card.policies))}</span>
<div class="what"><div class="head1"><a class="tool" href="${paths.approval(card.decisionId)}">${card.toolName}</a></div><div class="why">${revealedText(card.reason)}</div>${summaryOf(card)}</div>
${askedBy(card)}
<div class="quo"><span class="vh">Verdict </span><b>${STATUSES[card.status]}</b><div class="muted small">${who ?? `asked ${agoText(createdAtMs, nowMs)}`}</div>${inLog.length > 0 && html`<div class="muted small"><a href="${paths.approval(card.decisionId)}#record">${logPlaces(inLog)}</a></div>`}</div>
<div class="left"><span class="vh">Run </span>${mayHaveRun(state) ? html`<span class="tag${kind}">${STATE_WORDS[state]}</span>` : html`<span class="muted small">${STATE_WORDS[state]}</span>`}</div></li>`;
}
