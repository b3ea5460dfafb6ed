import type { SignedIn } from '../access/Caller.js';
import type { Site } from '../front/Site.js';
import { html } from '../page/html.js';
import type { Html } from '../page/html.js';
import type { Passkey } from '../people/Passkeys.js';
import { LOCAL_ADMIN } from '../people/Person.js';
import type { Person } from '../people/Person.js';
import type { Session } from '../people/Sessions.js';
import type { PersonalToken } from '../people/Tokens.js';
import { faultLine } from './fault.js';
import { hiddenFields } from './passkeyForm.js';
import type { Fault } from './fault.js';
import { timeOf } from './timeOf.js';

/** What the page Me shows. */
export interface MeView {
  readonly site: Site;
  readonly signedIn: SignedIn;
  /** Absent for the admin of development mode. */
  readonly person: Person | undefined;
  readonly passkeys: readonly Passkey[];
  readonly sessions: readonly Session[];
  readonly tokens: readonly PersonalToken[];
  /** Of a token that was just made. */
  readonly newToken?: string | undefined;
  readonly fault?: Fault | undefined;
}

/** The page Me: who someone is here, and what they and their programs come in with. */
export function mePage({ site, signedIn, person, passkeys, sessions, tokens, newToken, fault }: MeView): Html {
  const { base } = site;
  const { formToken: csrf } = signedIn;
  const button = (action: string, text: string, more: Readonly<Record<string, string>> = {}): Html =>
    html`<form method="post" action="${base}${action}">${hiddenFields({ csrf, ...more })}<button class="deny">${text}</button></form>`;
  return html`<h1>${signedIn.name}</h1>
    ${faultLine(fault)} ${person?.status === 'unconfirmed' && html`<p class="notice">The person who invited you has not confirmed yet that it is you. Until then you can see nothing.</p>`}
    <dl class="facts">
      <dt>Roles</dt>
      <dd>${listed([...signedIn.roles])}</dd>
      <dt>Groups</dt>
      <dd>${listed(signedIn.groups)}</dd>
      <dt>Id</dt>
      <dd>${signedIn.personId}</dd>
    </dl>
    ${signedIn.personId === LOCAL_ADMIN ? signUp(base, csrf) : passkeyCard(base, csrf, passkeys, button, fault)}
    <section class="card">
      <h2>Sessions</h2>
      <ul class="in log">
        ${sessions.map(
          (one) =>
            html`<li>
              <span>${one.client ?? 'An unnamed browser'}${one.id === signedIn.sessionId && html` <b>(this one)</b>`}<br />by ${one.method}, since ${timeOf(one.createdAtMs)}, until ${timeOf(one.endsAtMs)}</span>
              ${one.id === signedIn.sessionId ? undefined : button(`/me/sessions/${encodeURIComponent(one.id)}/end`, 'End')}
            </li>`,
        )}
      </ul>
    </section>
    ${signedIn.personId !== LOCAL_ADMIN && tokenCard(base, csrf, tokens, newToken, button, fault)}
    <section class="card">
      <h2>This browser</h2>
      <div class="in">
        <label><input type="checkbox" data-keys-switch /> Keys such as <kbd>j</kbd> and <kbd>/</kbd> move on pages</label>
        <p><button type="button" data-notify hidden>Say when something waits</button></p>
      </div>
    </section>`;
}

type Button = (action: string, text: string) => Html;

function signUp(base: string, csrf: string | undefined): Html {
  return html`<section class="card">
    <h2>Passkeys</h2>
    <div class="in">
      <p>No one is known here yet. Once you sign up with a passkey, development mode has ended, and only people decide.</p>
      <form method="post" action="${base}/me/setup">${hiddenFields({ csrf })}<button class="approve">Sign up with a passkey</button></form>
    </div>
  </section>`;
}

function passkeyCard(base: string, csrf: string | undefined, passkeys: readonly Passkey[], button: Button, fault: Fault | undefined): Html {
  return html`<section class="card">
    <h2>Passkeys</h2>
    <ul class="in log">
      ${passkeys.map(
        ({ id, name, createdAtMs, lastUsedAtMs, synced }) =>
          html`<li>
            <span>${name}${synced && html` <span class="tag">synced</span>`}<br />since ${timeOf(createdAtMs)}${lastUsedAtMs !== undefined && html`, last used ${timeOf(lastUsedAtMs)}`}</span>
            ${button(`/me/passkeys/${encodeURIComponent(id)}/remove`, 'Remove')}
          </li>`,
      )}
    </ul>
    <form method="post" action="${base}/me/passkeys" class="in fields">
      ${hiddenFields({ csrf })}<label>Name of another passkey <input type="text" name="name" required maxlength="128" autocomplete="off" /></label>
      ${faultLine(fault, 'name')}<button>Add a passkey</button>
    </form>
  </section>`;
}

function tokenCard(
  base: string,
  csrf: string | undefined,
  tokens: readonly PersonalToken[],
  newToken: string | undefined,
  button: Button,
  fault: Fault | undefined,
): Html {
  return html`<section class="card">
    <h2>Personal tokens</h2>
    <div class="in">
      <p>With a token a program reads and denies as you, for 8 hours. It approves nothing.</p>
      ${newToken !== undefined && html`<p role="status">Your token, shown this once: <code class="secret">${newToken}</code></p>`}
      <ul class="log">
        ${tokens.map(
          ({ id, name, endsAtMs }) =>
            html`<li><span>${name}, until ${timeOf(endsAtMs)}</span>${button(`/me/tokens/${encodeURIComponent(id)}/end`, 'End')}</li>`,
        )}
      </ul>
      <form method="post" action="${base}/me/tokens" class="fields">
        ${hiddenFields({ csrf })}<label>What it is for <input type="text" name="tokenName" required maxlength="128" autocomplete="off" /></label>
        ${faultLine(fault, 'tokenName')}<button>Make a token</button>
      </form>
    </div>
  </section>`;
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(', ');
}
