import type { GrantedValue } from '../../../decision/grant/grantedValues.js';
import { typedGrantForm } from '../../../decision/wire/grant/grantForm.js';
import type { TypedGrantForm } from '../../../decision/wire/grant/grantForm.js';
import type { GrantProposal, ProposedValue, RefusedBefore } from '../../../model/terms/GrantProposal.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { revealedText } from '../revealed.js';
import { timeElement } from '../timeText.js';

const HOUR_MS = 3_600_000;
/** The parts of an hour that the form knows: a third of a second. */
const HOUR_PARTS = 10_000;
const MAX_VALUES = 12;
const MAX_NAMED = 5;

/** What was loosened when history was counted. */
export interface CountedTerms {
  readonly loosened: readonly Pick<GrantedValue, 'place' | 'how' | 'what'>[];
  readonly anyRequester: boolean;
}

/** What the part of the form about a grant shows. */
export interface GrantFieldsView {
  readonly proposal?: GrantProposal | undefined;
  readonly nowMs: number;
  readonly paths: Paths;
  /** What was typed, by field. */
  readonly typed?: Readonly<Record<string, string>> | undefined;
  /** What the history of the proposal is counted with. @defaultValue nothing is loosened */
  readonly counted?: CountedTerms | undefined;
  /** Why there can be no grant as it was typed. */
  readonly error?: string | undefined;
}

/** The part of the form of an approval that lets a yes count for later calls. Nothing where the policies do not allow that. */
export function grantFields(view: GrantFieldsView): Html | false {
  const { proposal, counted, error, paths } = view;
  if (proposal?.ceiling === undefined) return false;
  const { ceiling, values } = proposal;
  const typed = typedGrantForm(view.typed ?? {});
  const isOpen = typed.isAsked || counted !== undefined || error !== undefined;
  // rounded down: a field that says more than the ceiling is refused
  const hours = Math.floor((ceiling.forMs / HOUR_MS) * HOUR_PARTS) / HOUR_PARTS;
  return html`<details data-grant id="grant"${isOpen && html` open`}><summary>Propose a grant</summary>
<p class="small">Later calls like this one then run without asking. Everything has to be the same, but for what you loosen here. It lifts no other rule, and anyone who approves can take it back.</p>
${error !== undefined && html`<p class="error small" id="grant-error" role="alert">${revealedText(error, { max: 500 })}</p>`}
<label class="check"><input type="checkbox" name="grant" value="on"${typed.isAsked && html` checked`}> Approve, and make this grant</label>
<label for="grant_uses">Calls <span class="muted">1 to ${ceiling.uses}</span></label><input type="number" id="grant_uses" name="grant_uses" min="1" max="${ceiling.uses}" value="${typed.uses ?? Math.min(10, ceiling.uses)}">
<label for="grant_hours">Hours <span class="muted">up to ${hours}</span></label><input type="number" id="grant_hours" name="grant_hours" min="${1 / HOUR_PARTS}" max="${hours}" step="any" value="${typed.hours ?? Math.min(8, hours)}">
${values.slice(0, MAX_VALUES).map((value, at) => valueField(value, at, typed))}
${values.length > MAX_VALUES && html`<p class="small muted">${values.length - MAX_VALUES} more values have to be the same. The API can loosen them.</p>`}
${values.some(isUser) && html`<label class="check"><input type="checkbox" name="grant_any_requester" value="on"${typed.anyRequester && html` checked`}> For calls of every user, not only of this one</label>`}
${historyText(view, proposal)}
<div class="acts one"><button formaction="${paths.grantPreview(proposal.decisionId)}" formnovalidate>Count again</button></div>
<p class="small muted">${isLoosened(counted) ? 'The figures are about what you had loosened when you last counted.' : 'The figures are about this call with nothing loosened.'} To have them about what you loosen now, count again: that records nothing.</p></details>`;
}

function isLoosened(counted: CountedTerms | undefined): counted is CountedTerms {
  return counted !== undefined && (counted.anyRequester || counted.loosened.length > 0);
}

function isUser(value: ProposedValue): boolean {
  return value.in === 'session' && value.path === '/user_id' && typeof value.value === 'string';
}

function valueField(value: ProposedValue, at: number, typed: TypedGrantForm): Html | false {
  if (value.in === 'session' && value.path === '/user_id') return false;
  const n = at + 1;
  const isNumber = typeof value.value === 'number';
  const isText = typeof value.value === 'string';
  const kinds: readonly (readonly [string, string])[] = [
    ['same', 'exactly this'],
    ...(isNumber ? ([['range', 'between … and …']] as const) : ([['any', isText ? 'any text' : 'true or false']] as const)),
    ['in', 'one of …'],
    ...(isText
      ? ([
          ['startsWith', 'begins with …'],
          ['endsWith', 'ends with …'],
        ] as const)
      : []),
  ];
  const name = `${value.in}${value.path}`;
  const term = typed.termAt(name);
  return html`<fieldset><legend class="small mono">${revealedText(name, { max: 80 })} = ${revealedText(JSON.stringify(value.value), { max: 80 })}</legend>
<input type="hidden" name="grant_path_${n}" value="${name}"><label class="vh" for="grant_kind_${n}">How it may differ</label><select id="grant_kind_${n}" name="grant_kind_${n}">${kinds.map(([kind, text]) => html`<option value="${kind}"${kind === term.kind && html` selected`}>${text}</option>`)}</select>
<label class="vh" for="grant_value_${n}">Which values</label><input type="text" id="grant_value_${n}" name="grant_value_${n}" maxlength="2048" autocomplete="off" placeholder="${isNumber ? '0 to 100' : ''}" value="${term.text}"></fieldset>`;
}

function historyText({ nowMs, counted }: GrantFieldsView, { history }: GrantProposal): Html {
  const { asked, covered, refused, unclear, unclearRefused, more } = history;
  if (asked === 0) return html`<p class="small">People were asked about no other call of this agent and tool in the last 30 days.</p>`;
  const which = more === true ? `Of the newest ${asked} calls` : `Of ${asked} ${asked === 1 ? 'call' : 'calls'}`;
  const what = isLoosened(counted)
    ? `a grant with what you loosened would have covered ${covered}, as far as their params${counted.anyRequester ? ' tell' : ' and requester tell'}`
    : `${covered} had the same params as this one, for the same requester`;
  return html`${isLoosened(counted) && countedText(counted)}<p class="small">${which} of this agent and tool in the last 30 days, ${what}${unclear > 0 && `; of ${unclear} it cannot be told, because not all of their params are kept`}.</p>
${refusedText('of them', refused, nowMs)}${refusedText('of those of which it cannot be told', unclearRefused, nowMs)}`;
}

function countedText({ loosened, anyRequester }: CountedTerms): Html {
  const terms = loosened.map(
    ({ place, how, what }, i) =>
      html`${i > 0 && '; '}<b class="mono">${revealedText(place, { max: 80 })}</b> ${how}${what !== '' && html` ${revealedText(what, { max: 200 })}`}`,
  );
  return html`<p class="small">Counted with what you loosened: ${terms}${anyRequester && `${terms.length > 0 ? '; ' : ''}calls of every user`}.${loosened.some(({ place }) => !place.startsWith('params')) && ' History keeps no session and no facts: what you loosen there does not count.'}</p>`;
}

function refusedText(which: string, refused: readonly RefusedBefore[], nowMs: number): Html | false {
  if (refused.length === 0) return false;
  const names = refused
    .slice(0, MAX_NAMED)
    .map(({ by, atMs }, i) => html`${i > 0 && ', '}${revealedText(by ?? 'someone')} ${timeElement(atMs, nowMs)}`);
  return html`<p class="small error">People refused ${refused.length} ${which}: ${names}${refused.length > MAX_NAMED && `, and ${refused.length - MAX_NAMED} more`}.</p>`;
}
