import { timingSafeEqual } from 'node:crypto';
import { RequestError } from '../front/RequestError.js';
import type { Site } from '../front/Site.js';
import type { IncomingRequest } from './IncomingRequest.js';
import { FORM_TOKEN_FIELD } from './readBody.js';

/** Methods that change nothing. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * Checks that what changes something was sent by one of our pages. A browser says so itself; one that does not must at least name our origin.
 *
 * @throws RequestError 403 `cross_site`
 */
export function checkSameOrigin({ method, headers }: Pick<IncomingRequest, 'method' | 'headers'>, site: Pick<Site, 'origin'>): void {
  if (SAFE.has(method)) return;
  const from = headers.get('sec-fetch-site');
  if (from === null ? headers.get('origin') === site.origin : from === 'same-origin') return;
  throw crossSite();
}

/**
 * Checks that a form comes from a page that was made for this session.
 *
 * @throws RequestError 403 `cross_site`
 */
export function checkFormToken(form: Readonly<Record<string, string>>, formToken: string | undefined): void {
  const given = Buffer.from(form[FORM_TOKEN_FIELD] ?? '');
  const wanted = Buffer.from(formToken ?? '');
  if (wanted.length > 0 && given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw crossSite();
}

/**
 * Checks that the sender of a form has a session, whose forms have tokens.
 *
 * @throws RequestError 403 `cross_site`
 */
export function checkHasFormToken(formToken: string | undefined): void {
  if (formToken === undefined) throw crossSite();
}

function crossSite(): RequestError {
  return new RequestError(
    403,
    'cross_site',
    'The request did not come from a page of this server, or from one of an earlier session. Load the page again, and send it from there.',
  );
}
