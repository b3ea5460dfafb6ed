import { isIP } from 'node:net';
import type { Site } from '../front/Site.js';
import { html } from '../page/html.js';
import { pageAnswer } from '../page/layout.js';
import type { Identity } from '../people/Identity.js';
import type { Answer, Route, RouteInput } from '../route/Route.js';
import type { Doorway } from './Doorway.js';
import { faultLine, faultOf } from './fault.js';
import { PASSKEY_LENGTH, passkeyForm, passkeyResponse } from './passkeyForm.js';
import type { Fault } from './fault.js';
import { RETURN_PATH_LENGTH, returnPath } from './returnPath.js';

/** The sign-in at an issuer of identities, where a tenant has one. */
export interface IssuerButton {
  /** What people call the issuer. */
  readonly name: string;
}

/** What the routes of signing in need. */
export interface SigninRoutesOptions {
  readonly doorway: Doorway;
  /** The issuer of identities of a tenant. */
  readonly issuerOf: (tenantId: string) => IssuerButton | undefined;
}

/** The most characters that the name of a tenant has. */
export const TENANT_LENGTH = 64;
const NEXT = 'Where to go after signing in, below the base path.';
const TENANT = 'The tenant, where the server has several.';

/** Signing in with a passkey, and signing out. */
export function signinRoutes({ doorway, issuerOf }: SigninRoutesOptions): readonly Route[] {
  const page = async (input: RouteInput, { tenant, next, fault }: SigninView): Promise<Answer> => {
    const { site } = input;
    if (doorway.hasSeveral && tenant === undefined) return tenantPage(site, next);
    const identity = doorway.identityFor(tenant);
    const query = new URLSearchParams({ ...(tenant !== undefined && { tenant }), next }).toString();
    const issuer = issuerOf(identity.tenantId);
    const isDevelopment = await identity.isDevelopment();
    const hasPeople = await identity.hasPeople();
    const view = html`<div class="door">
      <h1>Aegis <span class="muted">${identity.tenantId === 'default' ? '' : identity.tenantId}</span></h1>
      <p class="muted">Sign in to decide what agents may do.</p>
      ${faultLine(fault)}
      ${hasPeople && (await passkeySignIn(identity, site, { tenant, next }))}
      ${issuer && html`<p><a class="btn" href="${site.base}/signin/oidc?${query}">Sign in with ${issuer.name}</a></p>`}
      ${
        hasPeople
          ? html`<p class="aid">No passkey here yet? Ask an admin for an invitation. It opens once.</p>`
          : html`<p>No one is known here yet. Open the link that <code>aegis serve</code> printed, or <a href="${site.base}/bootstrap">type its secret</a>.</p>`
      }
      ${next !== '/' && html`<p class="aid">After signing in you see <code>${next}</code>.</p>`}
    </div>`;
    return pageAnswer(view, { title: 'Sign in', site, status: fault?.status, isDevelopment });
  };
  return [
    {
      method: 'GET',
      path: '/signin',
      name: 'signinPage',
      summary: 'The page to sign in.',
      scope: 'none',
      page: true,
      query: { next: NEXT, tenant: TENANT },
      answers: { 200: 'text/html', 303: undefined },
      handle: (input) =>
        byName(input) ?? page(input, { tenant: input.query.get('tenant') ?? undefined, next: returnPath(input.query.get('next')) }),
    },
    {
      method: 'POST',
      path: '/signin/passkey',
      name: 'signinPasskey',
      summary: 'Signs in with a passkey.',
      scope: 'none',
      page: true,
      form: { passkey: PASSKEY_LENGTH, next: RETURN_PATH_LENGTH, tenant: TENANT_LENGTH },
      answers: { 303: undefined },
      errors: ['passkey_refused'],
      async handle(input) {
        const { form = {}, site, headers } = input;
        const [tenant, next] = [form['tenant'], returnPath(form['next'])];
        const { passkeys, sessions } = doorway.identityFor(tenant);
        try {
          const { person, passkeyId } = await passkeys.signIn({ origin: site.origin, response: passkeyResponse(form['passkey']) });
          const session = await sessions.create({
            personId: person.id,
            method: 'passkey',
            passkeyId,
            client: headers.get('user-agent') ?? undefined,
          });
          return await doorway.enter(input, session, next);
        } catch (error) {
          return page(input, { tenant, next, fault: faultOf(error) });
        }
      },
    },
    {
      method: 'POST',
      path: '/signout',
      name: 'signout',
      summary: 'Ends the session.',
      scope: 'person',
      page: true,
      form: {},
      answers: { 303: undefined },
      handle: (input) => doorway.leave(input),
    },
  ];
}

interface SigninView {
  readonly tenant: string | undefined;
  readonly next: string;
  readonly fault?: Fault | undefined;
}

/** Browsers make no passkey for an address: where someone typed that of this machine, the page is at its name. */
export function byName({ site, query }: Pick<RouteInput, 'site' | 'query'>, path: string = '/signin'): Answer | undefined {
  const { protocol, hostname, port } = new URL(site.origin);
  if (protocol !== 'http:' || isIP(hostname.replace(/^\[|\]$/g, '')) === 0) return undefined;
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  return { status: 303, headers: { location: `http://localhost${port === '' ? '' : `:${port}`}${site.base}${path}${search}` } };
}

async function passkeySignIn(
  { passkeys }: Identity,
  site: Site,
  fields: Readonly<Record<string, string | undefined>>,
): Promise<ReturnType<typeof passkeyForm>> {
  const options = await passkeys.signInOptions(site.origin);
  return passkeyForm({ site, action: '/signin/passkey', how: 'get', options, fields, button: 'Sign in with a passkey' });
}

function tenantPage(site: Site, next: string): Answer {
  const view = html`<div class="door">
    <h1>Aegis</h1>
    <form method="get" action="${site.base}/signin" class="fields">
      <label>Tenant <input type="text" name="tenant" required maxlength="${TENANT_LENGTH}" autocomplete="organization" /></label>
      <input type="hidden" name="next" value="${next}" /><button class="approve">Go on</button>
    </form>
  </div>`;
  return pageAnswer(view, { title: 'Sign in', site });
}
