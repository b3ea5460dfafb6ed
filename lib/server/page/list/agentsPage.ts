import { html } from '../html.js';
import type { Html } from '../html.js';
import { revealedText } from '../revealed.js';
import { agoText, lengthText } from '../timeText.js';
import type { RowContext } from './approvalRow.js';

/** What an agent asked of one tool, of the approvals that were looked at. */
export interface AgentTool {
  readonly agentId: string;
  readonly toolName: string;
  readonly asked: number;
  readonly waiting: number;
  readonly approved: number;
  readonly denied: number;
  /** Until the last verdict, in milliseconds; half of them took less. */
  readonly medianMs?: number | undefined;
  /** The last time that it asked, in epoch milliseconds. */
  readonly lastMs: number;
}

/** What the page of agents and tools shows. */
export interface AgentsView extends RowContext {
  readonly tools: readonly AgentTool[];
  /** How many approvals were looked at, the newest ones. */
  readonly looked: number;
  /** Whether there are older ones. */
  readonly isCut: boolean;
  /** Whether who sees it may pause an agent. */
  readonly mayPause?: boolean | undefined;
}

/** The page of the agents that asked for approvals, with their tools. */
export function agentsPage({ tools, looked, isCut, paths, nowMs, mayPause = false, isHalted = () => false }: AgentsView): Html {
  const of = isCut
    ? `Of the newest ${looked.toLocaleString('en')} approvals.`
    : looked === 1
      ? 'Of 1 approval.'
      : `Of ${looked.toLocaleString('en')} approvals.`;
  const row = (tool: AgentTool): Html => {
    const { agentId, toolName, asked, waiting, approved, denied, medianMs, lastMs } = tool;
    const decided = approved + denied;
    return html`<tr><th scope="row"><span class="mono">${revealedText(agentId)}</span>${isHalted(tool) && html` <a class="tag high" href="${paths.halts()}">halted</a>`}</th><td><a class="mono" href="${paths.history({ agent: agentId, tool: toolName })}">${toolName}</a></td>
<td class="n">${asked}</td><td class="n">${waiting === 0 ? 0 : html`<a href="${paths.inbox({ tab: 'all', q: toolName })}">${waiting}</a>`}</td><td class="n">${approved}</td><td class="n">${denied}</td>
<td class="n">${decided === 0 ? '' : `${Math.round((100 * approved) / decided)} %`}</td><td class="n">${medianMs !== undefined && lengthText(medianMs)}</td><td>${agoText(lastMs, nowMs)}</td>${mayPause && html`<td><a href="${paths.halts({ agent: agentId })}">Pause</a></td>`}</tr>`;
  };
  return html`<h1>Agents and tools</h1><p class="muted">What agents asked people for. ${of} What policies allow or deny by themselves is not counted here.</p>
${
  tools.length === 0
    ? html`<section class="card"><div class="in"><p>No agent has asked yet. <a href="${paths.help('connect')}">Connect one</a></p></div></section>`
    : html`<div class="card scroll" tabindex="0" role="region" aria-label="Agents and tools"><table><thead><tr><th scope="col">Agent</th><th scope="col">Tool</th><th scope="col" class="n">Asked</th><th scope="col" class="n">Waiting</th><th scope="col" class="n">Approved</th><th scope="col" class="n">Denied</th><th scope="col" class="n">Share approved</th><th scope="col" class="n">Time to decide</th><th scope="col">Last asked</th>${mayPause && html`<th scope="col">Halt</th>`}</tr></thead><tbody>${tools.map(row)}</tbody></table></div>`
}`;
}
