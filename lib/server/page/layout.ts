import type { SignedIn } from '../access/Caller.js';
import { assetPath } from '../asset/assets.js';
import type { Site } from '../front/Site.js';
import type { Answer } from '../route/Route.js';
import { html } from './html.js';
import type { Html } from './html.js';

/** What stands around a page. */
export interface PageLayout {
  /** Of the window; the name of the product follows it. */
  readonly title: string;
  readonly site: Site;
  /** Who sees it; absent where no one is signed in. */
  readonly signedIn?: SignedIn | undefined;
  /** The HTTP status. @defaultValue 200 */
  readonly status?: number | undefined;
  /** A `Set-Cookie` header each. */
  readonly cookies?: readonly string[] | undefined;
  /** Whether any program of this machine can act as a person. @defaultValue that of the session */
  readonly isDevelopment?: boolean | undefined;
  /** Loads another page, at this path below the base path, in place of this one. */
  readonly reload?: string | undefined;
}

/** Answers with a page. Its headers are set for every page by the dispatcher. */
export function pageAnswer(view: Html, frame: PageLayout): Answer {
  return {
    status: frame.status ?? 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    cookies: frame.cookies,
    body: pageText(view, frame),
  };
}

function pageText(view: Html, { title, site, signedIn, isDevelopment = signedIn?.method === 'setup', reload }: PageLayout): string {
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
<header class="top"><span class="brand">Aegis</span>${signedIn && whoIs(signedIn, base)}</header>
${isDevelopment && html`<p class="development" role="note">Development mode: any program on this machine can act as you.</p>`}
<main id="main">${view}</main>
<p class="vh" role="status" data-say></p>
</body>
</html>
`.toString();
}

function whoIs({ name, formToken }: SignedIn, base: string): Html {
  return html`<div class="end small"><a class="user" href="${base}/me">${name}</a>
<form method="post" action="${base}/signout"><input type="hidden" name="csrf" value="${formToken}"><button class="link">Sign out</button></form></div>`;
}
