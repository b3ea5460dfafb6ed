import { unknownInScope } from '../../../decision/halt/unknownInScope.js';
import type { KnownNames } from '../../../decision/halt/unknownInScope.js';
import { isInForce } from '../../../model/halt/Halt.js';
import type { Halt } from '../../../model/halt/Halt.js';
import { haltedText } from '../haltBanner.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { revealedText } from '../revealed.js';
import { timeElement } from '../timeText.js';

/** What the page of halts shows. */
export interface HaltsView {
  readonly paths: Paths;
  readonly nowMs: number;
  /** The newest first. */
  readonly halts: readonly Halt[];
  /** What the configuration names. */
  readonly known: KnownNames;
  /** Whether those are among them that are over. */
  readonly all: boolean;
  /** What people call someone, by the id that a halt has. */
  readonly nameOf: (id: string) => string;
  /** What who sees it may do; absent for who may only read. */
  readonly may?: 'halt' | 'pause' | undefined;
  /** What the forms of this session must carry. */
  readonly formToken: string | undefined;
  /** Why what was sent was not done. */
  readonly fault?: { readonly message: string } | undefined;
  /** The fields as they were typed. */
  readonly typed: Readonly<Record<string, string | undefined>>;
}

/** The page of the kill switch: what is halted, and the forms that halt, pause and lift. */
export function haltsPage(view: HaltsView): Html {
  const { paths, halts, all, fault, may } = view;
  const other = all
    ? html`<a href="${paths.halts()}">Show only those in force</a>`
    : html`<a href="${paths.halts({ all: '1' })}">Show also those that are over</a>`;
  return html`<h1>Halts</h1><p class="muted">A halted call does not run. A call that had begun before goes on, and is told to stop. ${other}</p>
${fault !== undefined && html`<p class="notice danger" role="alert">${fault.message}</p>`}
${halts.length === 0 ? html`<section class="card"><div class="in"><p>Nothing is halted.</p></div></section>` : halts.map((halt) => haltCard(halt, view))}
${may === 'halt' && haltForm(view)}${may === 'pause' && pauseForm(view)}`;
}

function haltCard(halt: Halt, { nowMs, may, paths, formToken, nameOf, known }: HaltsView): Html {
  const { id, scope, pending, by, reason, atMs, untilMs, lifted } = halt;
  const isOn = isInForce(halt, nowMs);
  const end = untilMs === undefined ? 'until it is lifted' : html`until ${timeElement(untilMs, nowMs)}`;
  const unknown = isOn ? unknownInScope(scope, known) : [];
  const state = isOn ? 'in force' : lifted === undefined ? 'over' : 'lifted';
  return html`<section class="card" id="${id}"><h2><span>${haltedText(scope)}</span> <span class="tag${isOn && ' warn'}">${state}</span></h2><div class="in">
<p class="small">Ordered by <b>${revealedText(nameOf(by))}</b> ${timeElement(atMs, nowMs)}, ${end}. What waits for a person ${pending === 'cancel' ? 'ends' : 'goes on waiting'}.</p>
<p class="aid">“${revealedText(reason, { max: 500 })}”</p>
${unknown.map((text) => html`<p class="small error">${revealedText(text, { max: 500 })}</p>`)}
${lifted !== undefined && html`<p class="small">Lifted by <b>${revealedText(nameOf(lifted.by))}</b> ${timeElement(lifted.atMs, nowMs)}: ${revealedText(lifted.reason, { max: 500 })}</p>`}
${isOn && may === 'halt' && html`<form method="post" action="${paths.liftHalt()}" class="fields"><input type="hidden" name="csrf" value="${formToken}"><input type="hidden" name="id" value="${id}"><label>Why it may go on <input type="text" name="reason" maxlength="10000" required></label><button class="approve">Lift</button></form>`}</div></section>`;
}

function haltForm(view: HaltsView): Html {
  const { paths, formToken, typed } = view;
  return html`<section class="card"><h2>Halt</h2><div class="in"><form method="post" action="${paths.halts()}" class="fields"><input type="hidden" name="csrf" value="${formToken}">
<label class="check"><input type="checkbox" name="all" value="1"${typed['all'] === '1' && html` checked`}> Everything</label>
<p class="aid">Or the calls that match all of these that you fill in:</p>
${textField('agent', 'Agent', view)}${textField('tool', 'Tool', view)}${textField('group', 'Group of tools', view)}
${minutesField(view, false)}${reasonField(view)}
<label class="check"><input type="checkbox" name="pending" value="cancel"${typed['pending'] === 'cancel' && html` checked`}> Also end what waits for a person</label>
<button class="deny">Halt</button></form></div></section>`;
}

function pauseForm(view: HaltsView): Html {
  const { paths, formToken } = view;
  return html`<section class="card"><h2>Pause an agent</h2><div class="in"><form method="post" action="${paths.halts()}" class="fields"><input type="hidden" name="csrf" value="${formToken}">
${textField('agent', 'Agent', view)}${minutesField(view, true)}${reasonField(view)}
<p class="aid">An hour at most. An admin can halt it for longer, and lift the halt.</p><button class="deny">Pause</button></form></div></section>`;
}

function textField(name: string, label: string, { typed }: HaltsView): Html {
  return html`<label>${label} <input type="text" name="${name}" maxlength="256" value="${typed[name]}"></label>`;
}

function reasonField({ typed }: HaltsView): Html {
  return html`<label>Reason <input type="text" name="reason" maxlength="10000" value="${typed['reason']}" required></label>`;
}

function minutesField({ typed }: HaltsView, isPause: boolean): Html {
  return isPause
    ? html`<label>Minutes <input type="number" min="1" max="60" step="1" name="minutes" value="${typed['minutes'] ?? '60'}" required></label>`
    : html`<label><span>Minutes <span class="muted">leave it empty to halt until someone lifts it</span></span> <input type="number" min="1" step="1" name="minutes" value="${typed['minutes']}"></label>`;
}
