import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import { endedCookie, readCookie, sessionCookie, ssoCookie } from '../access/sessionCookie.js';
import { reloadPage } from '../page/reloadPage.js';
import type { Identity } from '../people/Identity.js';
import type { Route, RouteInput } from '../route/Route.js';
import type { Role } from '../people/Person.js';
import type { Doorway } from './Doorway.js';
import { ssoRefused } from './IssuerSignIn.js';
import type { IssuerSignIn, SsoTrip } from './IssuerSignIn.js';
import { returnPath } from './returnPath.js';

/** The issuer of identities of a tenant, and what people get who come by it for the first time. */
export interface TenantIssuer {
  readonly name: string;
  readonly signIn: IssuerSignIn;
  readonly roles: readonly Role[];
}

/** What the routes of signing in at an issuer need. */
export interface IssuerRoutesOptions {
  readonly doorway: Doorway;
  readonly issuerOf: (tenantId: string) => TenantIssuer | undefined;
}

/** How long the way to an issuer and back may take, in milliseconds. */
const TRIP_MS = 600_000;
/** What issuers send back, beside what is looked at. */
const ANSWER = ['code', 'state', 'iss', 'session_state', 'error', 'error_description', 'error_uri', 'scope', 'authuser', 'prompt', 'hd'];

/** Signing in at an issuer of identities. */
export function issuerRoutes({ doorway, issuerOf }: IssuerRoutesOptions): readonly Route[] {
  const found = (tenant: string | null | undefined): { readonly identity: Identity; readonly issuer: TenantIssuer } => {
    const identity = doorway.identityFor(tenant);
    const issuer = issuerOf(identity.tenantId);
    if (issuer === undefined) throw new NotFoundError('No issuer of identities is set up here. Sign in with a passkey.');
    return { identity, issuer };
  };
  return [
    {
      method: 'GET',
      path: '/signin/oidc',
      name: 'signinIssuer',
      summary: 'Sends the browser to the issuer of identities.',
      scope: 'none',
      page: true,
      query: { next: 'Where to go after signing in, below the base path.', tenant: 'The tenant, where the server has several.' },
      answers: { 303: undefined },
      errors: ['not_installed', 'issuer_unavailable'],
      async handle({ site, query }) {
        const { identity, issuer } = found(query.get('tenant'));
        const next = returnPath(query.get('next'));
        const state = identity.challenges.issue(useOf(next), TRIP_MS);
        const { url, trip } = await issuer.signIn.begin(callbackOf(site), state);
        const kept = Buffer.from(JSON.stringify({ ...trip, next, tenant: identity.tenantId })).toString('base64url');
        return { status: 303, headers: { location: url.href }, cookies: [ssoCookie(site, kept, TRIP_MS / 1_000)] };
      },
    },
    {
      method: 'GET',
      path: '/signin/callback',
      name: 'signinCallback',
      summary: 'Signs in who comes back from the issuer of identities.',
      scope: 'none',
      page: true,
      query: Object.fromEntries(ANSWER.map((name) => [name, 'As OpenID Connect says.'])),
      answers: { 200: 'text/html' },
      errors: ['sso_refused', 'person_removed'],
      async handle({ site, query, headers }) {
        const trip = tripIn(readCookie(headers.get('cookie'), site, 'sso'));
        const { identity, issuer } = found(trip.tenant);
        const use = useOf(trip.next);
        if (query.get('state') !== trip.state || !identity.challenges.isGood(trip.state, use)) throw ssoRefused();
        const url = new URL(callbackOf(site));
        url.search = query.toString();
        const { account, name } = await issuer.signIn.finish(url, trip);
        if (!(await identity.challenges.use(trip.state, use))) throw ssoRefused();
        const { id: personId } = await identity.people.fromIssuer(account, { name, roles: issuer.roles });
        const { text } = await identity.sessions.create({ personId, method: 'oidc', client: headers.get('user-agent') ?? undefined });
        return reloadPage(trip.next, site, [sessionCookie(site, text.reveal()), endedCookie(site, 'sso')]);
      },
    },
  ];
}

function useOf(next: string): { readonly purpose: string; readonly binding: string } {
  return { purpose: 'sso', binding: next };
}

function callbackOf({ origin, base }: RouteInput['site']): string {
  return `${origin}${base}/signin/callback`;
}

function tripIn(cookie: string | undefined): SsoTrip & { readonly next: string; readonly tenant: string } {
  try {
    const kept = parseJsonStrictly(Buffer.from(cookie ?? '', 'base64url').toString()) as Readonly<Record<string, unknown>>;
    const [state, nonce, verifier, next, tenant] = ['state', 'nonce', 'verifier', 'next', 'tenant'].map((name) => kept[name]);
    if ([state, nonce, verifier, next, tenant].every((one) => typeof one === 'string'))
      return { state, nonce, verifier, next: returnPath(next as string), tenant } as SsoTrip & {
        readonly next: string;
        readonly tenant: string;
      };
  } catch {
    // no cookie of this way
  }
  throw ssoRefused();
}
