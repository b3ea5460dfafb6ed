import type { AuditStatus } from '../../../audit/writer/AuditLog.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { agoText } from '../timeText.js';

/** What the page of the audit log shows. */
export interface AuditView {
  readonly nowMs: number;
  /** Where the log of this server stands; absent where it keeps none. */
  readonly log?: AuditStatus | undefined;
  /** The names of all logs, that of this server included. */
  readonly writers: readonly string[];
}

const STATES: Readonly<Record<AuditStatus['state'], string>> = {
  new: 'It is being opened.',
  open: 'It is being written.',
  failed: 'It could not be written, and is tried again. Until then, nothing is answered that would have to be recorded.',
  closed: 'It is closed.',
};

/** The page of the audit log: where it stands, and how to verify it. */
export function auditPage({ log, writers, nowMs }: AuditView): Html {
  return html`<h1>Audit</h1>${log === undefined ? html`<section class="card"><div class="in"><p>This server keeps no audit log. Its operator turns it on with the option <code>audit</code>.</p></div></section>` : logCards(log, writers, nowMs)}`;
}

function logCards(
  { writer, state, mode, size, queued, dropped, checkpoint, error }: AuditStatus,
  writers: readonly string[],
  nowMs: number,
): Html {
  const signed =
    checkpoint === undefined
      ? 'not yet, since this server started'
      : html`${checkpoint.size.toLocaleString('en')} records, <time>${agoText(checkpoint.atMs, nowMs)}</time>`;
  const others = writers.filter((name) => name !== writer);
  const modeText = mode === 'required' ? 'nothing is answered or shown before its record is durable' : 'calls do not wait for it';
  return html`${state === 'failed' && html`<p class="notice danger" role="alert">The audit log cannot be written (${error ?? 'unknown'}). Its operator finds the reason in the server's own log.</p>`}
<section class="card"><h2>The log of this server</h2><div class="in"><dl class="facts">
<dt>Name</dt><dd class="mono">${writer ?? ''}</dd><dt>State</dt><dd>${STATES[state]}</dd><dt>Mode</dt><dd>${mode}: ${modeText}</dd>
<dt>Records</dt><dd>${size.toLocaleString('en')} on disk, ${queued.toLocaleString('en')} waiting${dropped > 0 && html`, <b>${dropped.toLocaleString('en')} lost</b>`}</dd>
<dt>Signed</dt><dd>${signed}</dd><dt>Other logs</dt><dd class="mono">${others.length === 0 ? 'none' : others.join(', ')}</dd></dl></div></section>
<section class="card"><h2>Verify it</h2><div class="in"><p>Someone who controls this server controls what this page says. So verify the log itself, on another machine, with heads that were kept elsewhere:</p>
<pre class="scroll" tabindex="0" aria-label="Commands">npx aegis audit heads LOG &gt; heads
npx aegis audit verify LOG --heads heads</pre>
<p class="muted">LOG is the folder that the server printed when it started.</p></div></section>`;
}
