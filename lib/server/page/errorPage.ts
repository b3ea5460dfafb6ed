import type { SignedIn } from '../access/Caller.js';
import type { Site } from '../front/Site.js';
import type { Answer } from '../route/Route.js';
import { html } from './html.js';
import { pageAnswer } from './layout.js';

/** An error, as a page says it. */
export interface ShownError {
  readonly status: number;
  /** Such as `Not Found`. */
  readonly title: string;
  readonly code: string;
  readonly message: string;
  readonly requestId: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The page of an error: what is wrong, what to do, and the way back. */
export function errorPage({ status, title, code, message, requestId, headers }: ShownError, site: Site, signedIn?: SignedIn): Answer {
  const view = html`<h1>${title}</h1>
<p>${message}</p>
<p><a href="${site.base}/">To the start</a></p>
<p class="aid">${status} <code>${code}</code> · request <code>${requestId}</code></p>`;
  const answer = pageAnswer(view, { title, site, signedIn, status });
  return { ...answer, headers: { ...headers, ...answer.headers } };
}
