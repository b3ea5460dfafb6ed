import { html } from '../page/html.js';
import type { Html } from '../page/html.js';

/** A time, the same for every reader: the server does not know where they are. */
export function timeOf(ms: number): Html {
  const iso = new Date(ms).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}
