import { html } from './html.js';
import type { Html } from './html.js';

/** The keys of the inbox, and what each does. None decides. */
export const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['j', 'k'], 'next, previous row'],
  [['Enter', 'o'], 'open'],
  [['u'], 'back to the inbox'],
  [['n', 'p'], 'next, previous approval'],
  [['/'], 'filter'],
  [['g i', 'g h'], 'inbox, history'],
  [['g u', 'g a'], 'unknown outcomes, agents and tools'],
  [['d'], 'move to Deny'],
  [['a'], 'move to what Approve needs'],
  [['?'], 'this list'],
  [['Esc'], 'close'],
];

/** The list of keys. */
export function keyList(): Html {
  return html`<dl class="facts keys">${KEYS.map(([keys, what]) => html`<dt>${keys.map((key, i) => html`${i > 0 && ' '}<kbd>${key}</kbd>`)}</dt><dd>${what}</dd>`)}</dl>`;
}
