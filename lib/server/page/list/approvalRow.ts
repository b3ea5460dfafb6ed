import type { ApprovalCard, CardParam } from '../../../store/ApprovalStore.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import type { Paths } from '../Paths.js';
import { revealedText } from '../revealed.js';
import { severityOf, severityTag } from '../severityTag.js';
import { agoText, timeLeft } from '../timeText.js';

/** What the rows of a list share. */
export interface RowContext {
  readonly paths: Paths;
  readonly nowMs: number;
  /** Whether calls of an agent to a tool are halted now. @defaultValue none is */
  readonly isHalted?: ((call: { readonly agentId: string; readonly toolName: string }) => boolean) | undefined;
}

const DECEPTIVE = { hidden: 'hidden characters', lookalike: 'look-alike letters' } as const;

/** One approval in a list that people decide from: what it is, but nothing to decide it with. */
export function approvalRow(card: ApprovalCard, { paths, nowMs, isHalted }: RowContext): Html {
  const { decisionId, toolName, expiresAtMs } = card;
  return html`<li class="row" data-row data-approval="${decisionId}">
<span class="sev"><span class="vh">Severity </span>${severityTag(severityOf(card.policies))}</span>
<div class="what"><div class="head1"><a class="tool" href="${paths.approval(decisionId)}">${toolName}</a>${tagsOf(card, isHalted?.(card))}</div>
<div class="why">${revealedText(card.reason)}</div>${summaryOf(card)}</div>
${askedBy(card)}
${yesSoFar(card, nowMs)}
<div class="left"><span class="vh">Time left </span>${timeLeft(expiresAtMs, nowMs)}</div></li>`;
}

/** The agent and the requester, as lists show them. */
export function askedBy({ agentId, requester, requesterKnown }: Pick<ApprovalCard, 'agentId' | 'requester' | 'requesterKnown'>): Html {
  const isSaid = !requesterKnown && requester !== agentId && html`, as the agent says`;
  const requested = requesterKnown || requester !== agentId ? html`for ${revealedText(requester)}${isSaid}` : 'no signed-in user';
  return html`<div class="from"><span class="vh">Agent </span><span class="mono">${revealedText(agentId)}</span><div class="muted small">${requested}</div></div>`;
}

/** How many people have said yes, of those that the policies take. */
export function yesSoFar({ policies, createdAtMs }: Pick<ApprovalCard, 'policies' | 'createdAtMs'>, nowMs: number): Html {
  const yes = policies.reduce((sum, { approved, filledBy }) => sum + (filledBy?.length ?? Number(approved === true)), 0);
  const needed = policies.reduce((sum, { quorum = 1 }) => sum + quorum, 0);
  return html`<div class="quo"><span class="vh">Yes so far </span>${yes} of ${needed}<div class="muted small">asked ${agoText(createdAtMs, nowMs)}</div></div>`;
}

/** The first params, each cut, and how much is not there. */
export function summaryOf({ summary = [], unlisted = 0 }: Pick<ApprovalCard, 'summary' | 'unlisted'>): Html {
  const more = unlisted > 0 && html` <span class="u nl">+${unlisted} more</span>`;
  return html`<div class="args">${summary.map(param)}${more}</div>`;
}

function param({ name, text, cut }: CardParam): Html {
  return html`<span class="arg">${revealedText(name)} = ${revealedText(text)}${cut !== undefined && html` <span class="u nl">+${cut} characters</span>`}</span> `;
}

function namesTag(what: string, names: readonly string[]): readonly Html[] {
  if (names.length === 0) return [];
  return [html`<span class="tag">${what}: ${names.map((name, i) => html`${i > 0 && ', '}${revealedText(name)}`)}</span>`];
}

function tagsOf({ deceptive = [], changed = [], edited = [], refusals }: ApprovalCard, isHalted = false): Html {
  const tags = [
    ...(isHalted ? [html`<span class="tag high">halted</span>`] : []),
    ...deceptive.map((kind) => html`<span class="tag warn">${DECEPTIVE[kind]}</span>`),
    ...(refusals > 0
      ? [html`<span class="tag warn">refused ${refusals} ${refusals === 1 ? 'time' : 'times'} in the last hour</span>`]
      : []),
    ...namesTag('changed by policy', changed),
    ...namesTag('edited by a person', edited),
  ];
  return html`<div class="tags">${tags}<span class="tag ok" data-state hidden></span></div>`;
}
