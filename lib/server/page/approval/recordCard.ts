import { canonicalText } from '../../../common/data/canonical.js';
import { viewOf } from '../../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { logPlaces } from '../logPlaces.js';
import type { ShownPlace } from '../logPlaces.js';
import { areKept } from './runState.js';
import { revealedText } from '../revealed.js';
import { revealedJson, revealedValue } from '../revealedValue.js';

const MAX_INLINE = 120;

/** How the record of an approval is shown. */
export interface RecordView {
  readonly paths: Paths;
  readonly all: boolean;
  /** The hash of the policies in force. */
  readonly policySetHash: string;
  /** Where its records are in the audit logs. */
  readonly places?: readonly ShownPlace[] | undefined;
  /** What they would say of the call, where that was asked for. */
  readonly redecided?: string | undefined;
}

/** What the program's own systems said when the call was asked about. */
export function factsCard({ facts }: ApprovalRecord, all: boolean): Html | undefined {
  const names = Object.keys(facts);
  if (names.length === 0) return undefined;
  return html`<section class="card"><h2>Facts <span class="muted">from your systems at the time of asking, not from the agent</span></h2>${named(facts, all)}</section>`;
}

/** What identifies the call: digest, policies, guard, session, and exactly what runs. */
export function recordCard(record: ApprovalRecord, { paths, all, policySetHash, redecided, places = [] }: RecordView): Html {
  const { decisionId, digest, guardKey, session } = record;
  const params = viewOf(record.params, record.sensitive, 'approver');
  const json = params === record.params ? 'Exact JSON that runs (ASCII)' : 'JSON that runs, with notes for what is hidden from you (ASCII)';
  const changed =
    record.policySetHash !== policySetHash &&
    html` <span class="muted">the policies have changed since: <span class="mono">${policySetHash.slice(0, 12)}</span></span>`;
  const now =
    redecided === undefined
      ? html`<a href="${paths.approval(decisionId, { now: '1', all: all ? '1' : undefined })}#now">What the policies of now would say</a>`
      : html`<b>The policies of now:</b> ${redecided}`;
  return html`<section class="card" id="record"><h2>Record</h2><div class="in"><dl class="facts">
<dt>Id</dt><dd>${decisionId}</dd><dt>Digest</dt><dd class="digest"><b>${digest.slice(0, 4)}</b> ${digest.slice(4, 32)} ${digest.slice(32)}</dd>
<dt>Policy set</dt><dd>${record.policySetHash.slice(0, 12)}${changed}</dd><dt>Guard</dt><dd>${revealedText(guardKey)}</dd>${places.length > 0 && html`<dt>Audit log</dt><dd>${logPlaces(places, true)}</dd>`}</dl>
${places.length > 0 && html`<p class="fold">Read them all: <code>npx aegis audit show LOG --decision ${decisionId}</code>, where LOG is what the server named when it started.</p>`}
${session !== null && html`<details class="fold"><summary>Session, as the agent's program sends it</summary>${named(session, all)}</details>`}
${areKept(record) && html`<details class="fold"${all && html` open`}><summary>${json}</summary>${revealedJson(params, { all })}</details>`}
<p class="fold" id="now">${now}</p></div></section>`;
}

/** Short values in lines, longer ones in boxes. */
function named(values: Readonly<Record<string, unknown>>, all: boolean): Html {
  const texts = Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? value : canonicalText(value)] as const);
  if (texts.some(([, text]) => text.length > MAX_INLINE))
    return html`<dl class="params">${Object.entries(values).map(([name, value]) => revealedValue(value, { name, all }))}</dl>`;
  return html`<dl class="in facts">${texts.map(([name, text]) => html`<dt>${revealedText(name)}</dt><dd>${revealedText(text)}</dd>`)}</dl>`;
}
