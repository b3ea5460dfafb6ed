import type { PendingReload } from '../../../policy/live/ReloadablePolicies.js';
import type { DifferenceKind, DifferenceRow } from '../../../policy/staged/DifferenceTable.js';
import { DIFFERENCE_KINDS } from '../../../policy/staged/DifferenceTable.js';
import type { ObservedCount } from '../../../policy/staged/ObservedCounts.js';
import type { StagedReport } from '../../../policy/staged/StagedPolicies.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { counted, revealedText } from '../revealed.js';
import { agoText, timeElement } from '../timeText.js';

/** What the page of policies shows. */
export interface PoliciesView {
  readonly paths: Paths;
  readonly nowMs: number;
  readonly inForce: ShownPolicies;
  /** The reload or promotion that waits to be confirmed. */
  readonly held?: PendingReload | undefined;
  readonly staged?: StagedReport | undefined;
  /** The policies that are only watched. */
  readonly watched: readonly WatchedPolicy[];
  /** What was done about staged policies, the newest first. */
  readonly acts: readonly ShownAct[];
  /** What the forms of this session must carry; absent for who may only read. */
  readonly formToken?: string | undefined;
  /** Why what was sent was not done. */
  readonly fault?: { readonly message: string; readonly field?: string | undefined } | undefined;
  /** The conditions as they were typed. */
  readonly typed?: Readonly<Partial<Record<ConditionName, string>>> | undefined;
}

/** What is said of the policies in force. */
export interface ShownPolicies {
  readonly hash: string;
  readonly sinceMs: number;
  /** How many there are. */
  readonly count: number;
  /** Where a reload reads them; absent where the program gives their text. */
  readonly path?: string | undefined;
  /** Who promoted them; absent where they were read from there. */
  readonly by?: string | undefined;
}

/** A policy that is only watched. */
export interface WatchedPolicy {
  readonly id: string;
  readonly untilMs: number;
  /** What it would have asked about, by tool. */
  readonly counts: readonly ObservedCount[];
}

/** What someone did about staged policies. */
export interface ShownAct {
  readonly act: 'promote' | 'drop';
  readonly hash: string;
  readonly by: string;
  readonly atMs: number;
}

/** The fields of the conditions of a promotion. */
export type ConditionName = 'minDecisions' | 'maxNewlyAllowed';

/** The conditions of a promotion, as the form proposes them. */
export const DEFAULT_CONDITIONS: Readonly<Record<ConditionName, string>> = { minDecisions: '1000', maxNewlyAllowed: '0' };

const KINDS: Readonly<Record<DifferenceKind, string>> = {
  newlyAllowed: 'newly allowed',
  asksFewer: 'asks fewer',
  milder: 'milder',
  changed: 'changed',
  stricter: 'stricter',
};
const EFFECTS: Readonly<Record<DifferenceRow['from'], string>> = {
  allow: 'allow',
  deny: 'deny',
  sanitize: 'sanitize',
  approval_needed: 'approval needed',
};
const MAX_ROWS = 200;

/** The page of policies: those in force, those that are tried on live calls, and those that are only watched. */
export function policiesPage(view: PoliciesView): Html {
  const { fault, staged, held } = view;
  return html`<h1>Policies</h1><p class="muted">What decides, and what is tried before it does.</p>
${fault !== undefined && fault.field === undefined && html`<p class="notice danger" role="alert">${fault.message}</p>`}
${inForceCard(view)}${held && heldCard(held)}
${staged === undefined ? nothingStaged() : stagedCards(staged, view)}
${watchedCard(view)}${actsCard(view)}`;
}

function inForceCard({ inForce: { hash, sinceMs, count, path, by }, nowMs }: PoliciesView): Html {
  const from = path === undefined ? 'text that the program gives' : revealedText(path);
  const source = by === undefined ? from : html`staged policies that ${revealedText(by)} promoted; a restart reads ${from}`;
  return html`<section class="card"><h2>In force</h2><div class="in"><dl class="facts">
<dt>Hash</dt><dd class="mono">${hash}</dd><dt>Policies</dt><dd>${count.toLocaleString('en')}</dd><dt>Source</dt><dd>${source}</dd>
<dt>Since</dt><dd>${timeElement(sinceMs, nowMs)}, ${agoText(sinceMs, nowMs)}, at this server</dd></dl></div></section>`;
}

function heldCard({ hash, loosened }: PendingReload): Html {
  const lines = loosened.map(({ id, message }) => html`<li><code>${revealedText(id)}</code> ${revealedText(message)}</li>`);
  return html`<section class="notice danger"><h2>Held: <span class="mono">${hash.slice(0, 12)}</span></h2><p>These policies would let more run, or more people approve. They wait until the operator of the host confirms them.</p><ul>${lines}</ul></section>`;
}

function nothingStaged(): Html {
  return html`<section class="card"><h2>Staged</h2><div class="in"><p>No policies are staged. The operator of the host stages files: <code>npx aegis policies stage ./policies-next</code></p></div></section>`;
}

function stagedCards(staged: StagedReport, view: PoliciesView): Html {
  const { hash, stagedAtMs, sinceMs, sample, skipped, compared, differences, against } = staged;
  const { nowMs, formToken } = view;
  const sums = DIFFERENCE_KINDS.map((kind) => `${differences[kind].toLocaleString('en')} ${KINDS[kind]}`).join(', ');
  const share = sample === 1 ? 'all calls' : `${(100 * sample).toLocaleString('en', { maximumSignificantDigits: 3 })} % of the calls`;
  return html`<section class="card"><h2>Staged <span class="muted">decides nothing</span></h2><div class="in"><dl class="facts">
<dt>Hash</dt><dd class="mono">${hash}</dd><dt>Staged</dt><dd>${timeElement(stagedAtMs, nowMs)}, ${agoText(stagedAtMs, nowMs)}, at this server</dd>
<dt>Compared</dt><dd>${counted(compared, 'call')} since ${timeElement(sinceMs, nowMs)}, with <span class="mono">${against.slice(0, 12)}</span></dd>
<dt>Sample</dt><dd>${share}${skipped > 0 && `, ${counted(skipped, 'call')} skipped because too many came at once`}</dd>
<dt>Differences</dt><dd>${differences.newlyAllowed > 0 ? html`<b>${sums}</b>` : sums}</dd></dl></div></section>
${differenceTable(staged, nowMs)}${formToken !== undefined && actForms(hash, formToken, view)}`;
}

function differenceTable({ rows, otherCalls, compared }: StagedReport, nowMs: number): Html {
  if (rows.length === 0)
    return html`<p class="muted">${compared === 0 ? 'No call was compared yet.' : 'They decide every call that was compared as those in force do.'}</p>`;
  const shown = rows.slice(0, MAX_ROWS);
  const unseen = rows.slice(MAX_ROWS).reduce((sum, { calls }) => sum + calls, otherCalls);
  const row = ({ kind, toolName, from, to, before, after, calls, lastAtMs }: DifferenceRow): Html =>
    html`<tr><th scope="row"><span class="tag${kind === 'newlyAllowed' && ' warn'}">${KINDS[kind]}</span></th><td class="n">${calls.toLocaleString('en')}</td><td class="mono">${revealedText(toolName)}</td>
<td>${EFFECTS[from]} → ${EFFECTS[to]}</td><td>${idsOf(before)} → ${idsOf(after)}</td><td>${agoText(lastAtMs, nowMs)}</td></tr>`;
  return html`<div class="card scroll" tabindex="0" role="region" aria-label="Differences"><table><thead><tr><th scope="col">How</th><th scope="col" class="n">Calls</th><th scope="col">Tool</th><th scope="col">Effect</th><th scope="col">Policies</th><th scope="col">Last</th></tr></thead><tbody>${shown.map(row)}</tbody></table></div>
${unseen > 0 && html`<p class="muted small">${counted(unseen, 'call')} more in rows that are not shown: <code>npx aegis policies staged</code></p>`}`;
}

function idsOf(ids: readonly string[]): Html | string {
  return ids.length === 0 ? 'none' : html`${ids.map((id, i) => html`${i > 0 && ', '}<code>${revealedText(id)}</code>`)}`;
}

function actForms(hash: string, formToken: string, { paths, typed, fault }: PoliciesView): Html {
  const hidden = html`<input type="hidden" name="csrf" value="${formToken}"><input type="hidden" name="hash" value="${hash}">`;
  const field = (name: ConditionName, label: string): Html => {
    const isWrong = fault?.field === name;
    return html`<label>${label} <input type="number" min="0" step="1" name="${name}" value="${typed?.[name] ?? DEFAULT_CONDITIONS[name]}" required${isWrong && html` aria-invalid="true" aria-describedby="${`fault-${name}`}"`}></label>${isWrong && html`<p class="fault" role="alert" id="${`fault-${name}`}">${fault.message}</p>`}`;
  };
  return html`<section class="card"><h2>Promote or drop <span class="mono">${hash.slice(0, 12)}</span></h2><div class="in">
<form method="post" action="${paths.promotePolicies()}" class="fields">${hidden}${field('minDecisions', 'At least so many calls were compared')}${field('maxNewlyAllowed', 'At most so many calls are newly allowed')}
<p class="aid">Exactly these policies come into force at this server, until it ends or others are read. What would let more run is held.</p><button class="approve">Promote</button></form></div>
<div class="in"><form method="post" action="${paths.dropPolicies()}">${hidden}<button class="deny">Drop</button></form></div></section>`;
}

function watchedCard({ watched, nowMs }: PoliciesView): Html | false {
  if (watched.length === 0) return false;
  const rows = watched.flatMap(({ id, untilMs, counts }) => {
    const end = html`${untilMs > nowMs ? 'asks from' : 'asks since'} ${timeElement(untilMs, nowMs)}`;
    const row = (tool: Html | string, calls: number, last: string): Html =>
      html`<tr><th scope="row"><code>${revealedText(id)}</code></th><td>${tool}</td><td class="n">${calls.toLocaleString('en')}</td><td>${last}</td><td>${end}</td></tr>`;
    if (counts.length === 0) return [row('none yet', 0, '')];
    return counts.map(({ toolName, calls, lastAtMs }) =>
      row(html`<span class="mono">${revealedText(toolName)}</span>`, calls, agoText(lastAtMs, nowMs)),
    );
  });
  return html`<h2>Only watched</h2><p class="muted">Policies with <code>@observe</code> ask no one until their end. So often they would have asked, since this server started.</p>
<div class="card scroll" tabindex="0" role="region" aria-label="Watched policies"><table><thead><tr><th scope="col">Policy</th><th scope="col">Tool</th><th scope="col" class="n">Calls</th><th scope="col">Last</th><th scope="col">End</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function actsCard({ acts, nowMs }: PoliciesView): Html | false {
  if (acts.length === 0) return false;
  const line = ({ act, hash, by, atMs }: ShownAct): Html =>
    html`<li><span class="muted">${timeElement(atMs, nowMs)}</span><span><b>${revealedText(by)}</b> ${act === 'promote' ? 'promoted' : 'dropped'} <span class="mono">${revealedText(hash.slice(0, 12))}</span></span></li>`;
  return html`<section class="card"><h2>Promoted and dropped</h2><ul class="in log small">${acts.map(line)}</ul></section>`;
}
