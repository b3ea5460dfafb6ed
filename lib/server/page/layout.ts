import type { SignedIn } from '../access/Caller.js';
import { assetPath } from '../asset/assets.js';
import type { Site } from '../front/Site.js';
import type { Answer } from '../route/Route.js';
import { haltBanner } from './haltBanner.js';
import { html } from './html.js';
import type { Html } from './html.js';
import { keyList } from './keyList.js';
import { Paths } from './Paths.js';

/** What stands around a page. */
export interface PageLayout {
  /** Of the window; the name of the product follows it. */
  readonly title: string;
  readonly site: Site;
  /** Who sees it; absent where no one is signed in. */
  readonly signedIn?: SignedIn | undefined;
  /** Where the page is among those that the bar at the top names. */
  readonly place?: PagePlace | undefined;
  /** The tenant, where it has a name of its own. */
  readonly tenantId?: string | undefined;
  /** How many approvals wait for this person; absent where the page is not kept up to date. */
  readonly waiting?: number | undefined;
  /** The last event before the page was made, where it is kept up to date. */
  readonly seen?: string | undefined;
  /** The HTTP status. @defaultValue 200 */
  readonly status?: number | undefined;
  /** A `Set-Cookie` header each. */
  readonly cookies?: readonly string[] | undefined;
  /** Whether any program of this machine can act as a person. @defaultValue that of the session */
  readonly isDevelopment?: boolean | undefined;
  /** Loads another page, at this path below the base path, in place of this one. */
  readonly reload?: string | undefined;
}

/** The pages that the bar at the top names. */
export type PagePlace =
  'inbox' | 'history' | 'unknown' | 'agents' | 'grants' | 'limits' | 'halts' | 'policies' | 'audit' | 'people' | 'me' | 'help';

/** Answers with a page. Its headers are set for every page by the dispatcher. */
export function pageAnswer(view: Html, frame: PageLayout): Answer {
  return {
    status: frame.status ?? 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    cookies: frame.cookies,
    body: pageText(view, frame),
  };
}

function pageText(view: Html, layout: PageLayout): string {
  const { title, site, signedIn, isDevelopment = signedIn?.method === 'setup', reload } = layout;
  const { base, nonce } = site;
  const scripts = (['inbox.js', 'passkey.js'] as const).map(
    (name) => html`<script src="${base}${assetPath(name)}" nonce="${nonce}" defer></script>`,
  );
  return html`<!doctype html>
<html lang="en" data-base="${base}" data-now="${Date.now()}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
${reload !== undefined && html`<meta http-equiv="refresh" content="${`0; url=${base}${reload}`}">`}
<title>${title} · Aegis</title>
<link rel="stylesheet" href="${base}${assetPath('aegis.css')}">${scripts}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
${topBar(layout)}
${isDevelopment && html`<aside class="development" aria-label="Development mode">Development mode: any program on this machine can act as you.</aside>`}
${signedIn && haltBanner(site)}
<main id="main">${view}</main>
<p class="vh" role="status" data-say></p>
${signedIn && html`<dialog data-keys aria-label="Keys"><h2>Keys</h2>${keyList()}<form method="dialog"><button>Close</button></form></dialog>`}
</body>
</html>
`.toString();
}

const PLACES: readonly (readonly [PagePlace, string, (paths: Paths) => string])[] = [
  ['inbox', 'Inbox', (paths) => paths.inbox()],
  ['history', 'History', (paths) => paths.history()],
  ['unknown', 'Unknown outcomes', (paths) => paths.unknown()],
  ['agents', 'Agents and tools', (paths) => paths.agents()],
  ['grants', 'Grants', (paths) => paths.grants()],
  ['limits', 'Limits', (paths) => paths.limits()],
  ['halts', 'Halts', (paths) => paths.halts()],
  ['policies', 'Policies', (paths) => paths.policies()],
  ['audit', 'Audit', (paths) => paths.audit()],
  ['people', 'People', (paths) => paths.people()],
  ['help', 'Help', (paths) => paths.help()],
];

function topBar({ site, signedIn, place, tenantId, waiting, seen }: PageLayout): Html {
  if (signedIn === undefined) return html`<header class="top"><span class="brand">Aegis</span></header>`;
  const paths = new Paths(site.base);
  const readsAll = signedIn.roles.has('auditor') || signedIn.roles.has('admin');
  const isFor: Partial<Record<PagePlace, boolean>> = {
    policies: readsAll,
    audit: readsAll,
    people: signedIn.roles.has('admin'),
  };
  const shown = PLACES.filter(([name]) => isFor[name] !== false);
  const links = shown.map(
    ([name, text, path]) => html`<a href="${path(paths)}"${name === place && html` aria-current="page"`}>${text}</a>`,
  );
  const tenant = tenantId !== undefined && tenantId !== 'default' && html` <span>${tenantId}</span>`;
  const live = waiting !== undefined && html`<span class="live" role="status" data-live="${waiting}" data-seen="${seen}"></span>`;
  return html`<header class="top"><a class="brand" href="${paths.inbox()}">Aegis${tenant}</a><nav aria-label="Main">${links}</nav><div class="end small">${live}${whoIs(signedIn, paths, place)}</div></header>
<p class="notice danger" role="status" data-signed-out hidden>You are signed out. <a href="${paths.signIn()}">Sign in</a></p>`;
}

function whoIs({ name, formToken }: SignedIn, paths: Paths, place: PagePlace | undefined): Html {
  return html`<a class="user" href="${paths.me()}"${place === 'me' && html` aria-current="page"`}>${name}</a>
<form method="post" action="${paths.signOut()}"><input type="hidden" name="csrf" value="${formToken}"><button class="link">Sign out</button></form>`;
}
