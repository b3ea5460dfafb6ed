import type { Site } from '../front/Site.js';
import type { Answer } from '../route/Route.js';
import { html } from './html.js';
import { pageAnswer } from './layout.js';

/**
 * A page that loads another one of this server, in its own name: browsers send our cookie only with what our pages ask for, so that a click in a chat or a mail
 * comes without it.
 *
 * @param path below the base path, with its query
 */
export function reloadPage(path: string, site: Site, cookies?: readonly string[]): Answer {
  const view = html`<p class="door"><a href="${site.base}${path}">Go on</a></p>`;
  return pageAnswer(view, { title: 'One moment', site, reload: path, cookies });
}
