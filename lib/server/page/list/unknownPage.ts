import { html } from '../html.js';
import type { Html } from '../html.js';
import { revealedText } from '../revealed.js';
import { agoText, timeText } from '../timeText.js';
import type { RowContext } from './approvalRow.js';

/** A call that may have run: its process ended, or its caller said that it does not know. */
export interface UnknownRun {
  readonly toolName: string;
  readonly agentId: string;
  /** Since when that is so, in epoch milliseconds. */
  readonly sinceMs: number;
  readonly decisionId: string;
  /** The task of the store that this server shares; absent where the call is known only by what its caller reported. */
  readonly taskId?: string | undefined;
}

/** What can be said of such a call. */
export type Settlement = 'done' | 'retry' | 'abandon';

/** What the page of unknown outcomes shows. */
export interface UnknownView extends RowContext {
  readonly runs: readonly UnknownRun[];
  /** For the next page. */
  readonly next?: string | undefined;
  /** The token of forms; absent where this person may not settle. */
  readonly formToken?: string | undefined;
  /** What was wrong with a form, and of which call. */
  readonly refused?: { readonly id: string; readonly reason: string; readonly error: string } | undefined;
}

const SETTLEMENTS: Readonly<Record<Settlement, string>> = { done: 'It ran', retry: 'Ask again', abandon: 'It did not run' };

/** The page of calls of which it is not known whether they ran. */
export function unknownPage(view: UnknownView): Html {
  const { runs, next, paths } = view;
  return html`<h1>Unknown outcomes</h1><p class="muted">Calls that may have run: their process ended before it could say. Nothing runs them again by itself; someone has to find out.</p>
${
  runs.length === 0
    ? html`<section class="card"><div class="in"><p>The outcome of every call is known.</p></div></section>`
    : html`<ol class="runs" aria-label="Calls with an unknown outcome">${runs.map((run) => runCard(run, view))}</ol>`
}
${next !== undefined && html`<div class="pager small"><span></span><span><a href="${paths.unknown({ cursor: next })}" rel="next">Next page</a></span></div>`}`;
}

function runCard(run: UnknownRun, view: UnknownView): Html {
  const { toolName, agentId, sinceMs, decisionId, taskId } = run;
  const { paths, nowMs } = view;
  return html`<li class="card" data-row><div class="in"><div class="title"><a class="mono" href="${paths.approval(decisionId)}"><b>${toolName}</b></a> <span class="muted small">agent ${revealedText(agentId)}, since ${timeText(sinceMs, nowMs)}, ${agoText(sinceMs, nowMs)}</span></div>
${taskId === undefined ? html`<p class="aid">Its caller reported that it does not know. It is settled where the call was made: <code>npx aegis tasks</code> there, or by the program itself.</p>` : settleForm(run, taskId, view)}</div></li>`;
}

function settleForm({ toolName }: UnknownRun, taskId: string, { paths, formToken, refused }: UnknownView): Html {
  if (formToken === undefined) return html`<p class="aid">An approver says what became of it.</p>`;
  const error = refused?.id === taskId ? refused : undefined;
  const invalid = error !== undefined && html` aria-invalid="true" aria-describedby="error-${taskId}"`;
  const buttons = (Object.keys(SETTLEMENTS) as Settlement[]).map(
    (name) => html`<button name="outcome" value="${name}">${SETTLEMENTS[name]}</button>`,
  );
  return html`<form method="post" action="${paths.settle(taskId)}"><button disabled hidden></button><input type="hidden" name="csrf" value="${formToken}">
<label for="reason-${taskId}">How you know <span class="muted">needed</span></label><textarea id="reason-${taskId}" name="reason" maxlength="10000"${invalid}>${error?.reason}</textarea>${error !== undefined && html`<p class="error small" id="error-${taskId}" role="alert">${error.error}</p>`}
<div class="settle" role="group" aria-label="What became of ${toolName}">${buttons}</div><p class="aid">Ask again: a new approval is asked for, and only that can run it.</p></form>`;
}
