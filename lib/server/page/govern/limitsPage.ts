import type { LimitState } from '../../../decision/limit/LimitState.js';
import { AMOUNT_PARTS } from '../../../model/terms/LimitTerms.js';
import type { LimitInForce } from '../../tenant/TenantLimits.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { counted, revealedText } from '../revealed.js';
import { timeElement, timeLeft } from '../timeText.js';
import { amountText, windowText } from './windowText.js';

/** The fields of the form. */
export const LIMIT_FIELDS = ['q', 'near'] as const;

/** What the page of limits shows. */
export interface LimitsView {
  readonly paths: Paths;
  readonly nowMs: number;
  /** What was counted, as the form asks for it, the fullest first. */
  readonly counters: readonly LimitState[];
  /** Whether there is more than is looked at. */
  readonly isCut: boolean;
  /** The limits of the policies in force, by id. */
  readonly inForce: readonly LimitInForce[];
  /** The form as it was sent. */
  readonly query: Readonly<Partial<Record<(typeof LIMIT_FIELDS)[number], string>>>;
}

/** The page of limits: how much of each has run, for each of what it counts apart; what is used up comes first. */
export function limitsPage(view: LimitsView): Html {
  const { counters, inForce, isCut, query } = view;
  const isSearch = query.q !== undefined || query.near !== undefined;
  const ids = [...new Set(counters.map(({ policyId }) => policyId))];
  const unused = isSearch ? [] : inForce.filter(({ policyId }) => !ids.includes(policyId));
  const none = isSearch
    ? 'Nothing that is counted is like this.'
    : inForce.length === 0
      ? html`No policy is a limit. One with <code>@effect("limit")</code> and <code>@limit("100/1d")</code> lets 100 calls run a day.`
      : 'No call was counted in a window that is not over.';
  return html`<h1>Limits</h1><p class="muted">How much of what policies limit has run, and when it is free again. What is used up comes first.${isCut && ' These are the 200 fullest.'}</p>${form(view)}
${counters.length === 0 && html`<section class="card"><div class="in"><p>${none}</p></div></section>`}
${ids.map((id) => limitCard(id, view))}${unused.length > 0 && unusedCard(unused)}`;
}

function form({ paths, query }: LimitsView): Html {
  return html`<form role="search" method="get" action="${paths.limits()}" class="search">
<div class="wide"><label for="q">Text</label><input type="search" id="q" name="q" value="${query.q}" maxlength="256" placeholder="Policy, agent, tool, user"></div>
<div><label for="near">Show</label><select id="near" name="near"><option value="">All</option><option value="1"${query.near === '1' && html` selected`}>Nearly or wholly used up</option></select></div>
<div class="go"><button>Search</button></div></form>`;
}

function limitCard(id: string, view: LimitsView): Html {
  const { counters, inForce } = view;
  const own = counters.filter(({ policyId }) => policyId === id);
  const full = own.filter(({ level }) => level === 'full').length;
  const near = own.filter(({ level }) => level === 'near').length;
  const known = inForce.find(({ policyId }) => policyId === id);
  const rows = own.map((one) => counterRow(one, view));
  return html`<section class="card" id="${`limit-${id}`}"><h2><code>${revealedText(id)}</code>${full > 0 && html` <span class="tag high">${full} used up</span>`}${near > 0 && html` <span class="tag warn">${near} nearly</span>`}${known?.observed === true && html` <span class="tag">only watched</span>`}</h2>
<div class="in"><p class="small">${known === undefined ? 'No policy in force has this id: it counts no more, and stops nothing.' : termsText(known)}</p></div>
<ol class="counters" aria-label="${counted(own.length, 'counter')} of ${id}">${rows}</ol></section>`;
}

function counterRow({ by: apart, used, limit, level, kind, endsAtMs }: LimitState, { nowMs }: LimitsView): Html {
  const who = Object.entries(apart).map(
    ([dimension, value]) =>
      html`<span class="apart"><span class="muted small">${dimension}</span> <span class="mono">${revealedText(value)}</span></span> `,
  );
  const word = {
    free: '',
    near: html` <span class="tag warn">nearly used up</span>`,
    full: html` <span class="tag high">used up</span>`,
  }[level];
  const share = limit === 0 ? 100 : Math.floor((100 * used) / limit);
  const by = kind === 'fixed' ? 'at' : 'by';
  return html`<li><div class="for">${who}</div><div class="used"><progress class="${level}" max="${Math.max(limit, used, 1)}" value="${limit === 0 ? 1 : used}">${share} %</progress> <span class="nums">${amountText(used)} of ${amountText(limit)}</span>${word}</div><div class="small">Free again ${by} ${timeElement(endsAtMs, nowMs)} <span class="muted">${timeLeft(endsAtMs, nowMs)}</span></div></li>`;
}

/** What a limit says, in a sentence. */
function termsText({ terms, observed }: LimitInForce): Html {
  const { limit, windowMs, kind, by, cost, over, warnAt } = terms;
  const what = cost === undefined ? (limit === AMOUNT_PARTS ? 'call' : 'calls') : html`of <code>${revealedText(cost)}</code>`;
  const time = kind === 'fixed' ? `each ${oneOf(windowMs)} by the clock (UTC)` : `in any ${oneOf(windowMs)}`;
  const then = observed
    ? 'what is more runs too, and is noted'
    : over === 'deny'
      ? 'what is more is denied'
      : 'for more, a person is asked';
  return html`${amountText(limit / AMOUNT_PARTS)} ${what} ${time}, counted for each ${by.map((one, i) => html`${i > 0 && ', '}<code>${revealedText(one)}</code>`)}; ${then}.${warnAt === undefined ? '' : ` Nearly used up from ${warnAt} % on.`}`;
}

function unusedCard(unused: readonly LimitInForce[]): Html {
  const item = (one: LimitInForce): Html =>
    html`<li><code>${revealedText(one.policyId)}</code> <span class="small">${termsText(one)}</span></li>`;
  return html`<section class="card"><h2>Nothing counted yet</h2><div class="in"><ul>${unused.map(item)}</ul></div></section>`;
}

/** `day` or `2 days`, behind `each`. */
function oneOf(windowMs: number): string {
  return windowText(windowMs).replace(/^1 /, '');
}
