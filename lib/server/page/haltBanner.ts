import type { HaltScope } from '../../model/halt/Halt.js';
import type { Site } from '../front/Site.js';
import { html } from './html.js';
import type { Html } from './html.js';
import { Paths } from './Paths.js';
import { revealedText } from './revealed.js';

/** How many halts the banner names. */
const MAX_NAMED = 3;

/** What stands on every page while something is halted. While nothing is, it is there to be shown by news. */
export function haltBanner({ base, halted = [] }: Pick<Site, 'base' | 'halted'>): Html {
  const paths = new Paths(base);
  const named = halted.slice(0, MAX_NAMED).map(({ scope }, i) => html`${i > 0 && '; '}${haltedText(scope)}`);
  const more = halted.length > MAX_NAMED && html`; and ${halted.length - MAX_NAMED} more`;
  return html`<aside class="notice danger banner" data-halts${halted.length > 0 ? html` aria-label="Halted"` : html` hidden`}><b>Halted:</b> <span data-halts-text>${named}${more}</span>. <a href="${paths.halts()}">See the halts</a></aside>`;
}

/** What a halt lets not run, in words. */
export function haltedText({ all, agentId, toolName, group }: HaltScope): Html {
  if (all === true) return html`everything`;
  const parts = [
    ...(agentId === undefined ? [] : [html`agent <span class="mono">${revealedText(agentId)}</span>`]),
    ...(toolName === undefined ? [] : [html`tool <span class="mono">${revealedText(toolName)}</span>`]),
    ...(group === undefined ? [] : [html`group <span class="mono">${revealedText(group)}</span>`]),
  ];
  return html`${parts.map((part, i) => html`${i > 0 && ', '}${part}`)}`;
}
