import * as v from 'valibot';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { canonicalText } from '../../common/data/canonical.js';
import { parseJsonStrictly } from '../../common/data/parseJsonStrictly.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import type { SignedIn } from '../access/Caller.js';
import { endedCookie, readCookie, sessionCookie, ssoCookie } from '../access/sessionCookie.js';
import { coveredApproval } from '../decide/covers.js';
import { maySignInAgain, standingOf } from '../decide/personVerdict.js';
import { RequestError } from '../front/RequestError.js';
import { Paths } from '../page/Paths.js';
import { reloadPage } from '../page/reloadPage.js';
import type { ChallengeUse } from '../people/Challenges.js';
import type { StepUpAct } from '../people/row/identityRows.js';
import type { Identity } from '../people/Identity.js';
import type { Answer, Route, RouteInput } from '../route/Route.js';
import type { Role } from '../people/Person.js';
import type { Doorway } from './Doorway.js';
import { ssoRefused } from './IssuerSignIn.js';
import type { IssuerArrival, IssuerSignIn, SsoTrip } from './IssuerSignIn.js';
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
  /** @defaultValue a clock of its own */
  readonly clock?: SteadyClock | undefined;
}

/** How long the way to an issuer and back may take, in milliseconds. */
const TRIP_MS = 600_000;
/** What issuers send back, beside what is looked at. */
const ANSWER = ['code', 'state', 'iss', 'session_state', 'error', 'error_description', 'error_uri', 'scope', 'authuser', 'prompt', 'hd'];

/** Signing in at an issuer of identities. */
export function issuerRoutes({ doorway, issuerOf, clock = new SteadyClock() }: IssuerRoutesOptions): readonly Route[] {
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
        return leaving(site, url, { ...trip, next, tenant: identity.tenantId });
      },
    },
    {
      method: 'GET',
      path: '/signin/again',
      name: 'signinAgain',
      summary: 'Sends a person to the issuer of identities, to sign in again for a yes to exactly one approval.',
      scope: 'person',
      roles: ['approver'],
      page: true,
      query: { approval: 'The id of the approval.', digest: 'What was shown.', version: 'Of the record that was shown.' },
      answers: { 303: undefined },
      errors: ['not_installed', 'issuer_unavailable'],
      async handle(input) {
        const { caller, tenant, site, query } = input;
        const id = query.get('approval');
        if (id === null) return { status: 303, headers: { location: new Paths(site.base).inbox() } };
        const { decisionId, digest, version } = await coveredApproval(input, id);
        const standing = await standingOf(input, decisionId);
        const isShown = query.get('digest') === digest && query.get('version') === String(version);
        const { sessionId } = caller.signedIn as SignedIn;
        const mustSignIn = standing?.may === true && standing.needs.passkey && (await maySignInAgain(input));
        // its page says how it stands now
        if (!isShown || !mustSignIn || sessionId === undefined)
          return { status: 303, headers: { location: new Paths(site.base).approval(decisionId) } };
        const { identity, issuer } = found(tenant.id);
        const again: SignInAgain = { personId: caller.id, sessionId, startS: Math.floor(clock.now() / 1_000), decisionId, digest, version };
        const state = identity.challenges.issue(useAgain(again), TRIP_MS);
        const { url, trip } = await issuer.signIn.begin(callbackOf(site), state, { max_age: '0' });
        return leaving(site, url, { ...trip, next: pathOf(decisionId), tenant: tenant.id, again });
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
      errors: ['sso_refused', 'person_removed', 'other_person', 'not_fresh'],
      async handle({ site, query, headers }) {
        const trip = tripIn(readCookie(headers.get('cookie'), site, 'sso'));
        const { identity, issuer } = found(trip.tenant);
        const { again } = trip;
        const use = again === undefined ? useOf(trip.next) : useAgain(again);
        if (query.get('state') !== trip.state || !identity.challenges.isGood(trip.state, use)) throw ssoRefused();
        const url = new URL(callbackOf(site));
        url.search = query.toString();
        const arrival = await issuer.signIn.finish(url, trip);
        if (again !== undefined) await checkAgain(identity, again, arrival);
        const { account, name } = arrival;
        if (!(await identity.challenges.use(trip.state, use))) throw ssoRefused();
        const { id: personId } = await identity.people.fromIssuer(account, { name, roles: issuer.roles });
        const client = headers.get('user-agent') ?? undefined;
        const { text } = await identity.sessions.create({ personId, method: 'oidc', client, stepUp: again && actOf(again) });
        if (again !== undefined) await endSession(identity, again);
        return reloadPage(again === undefined ? trip.next : pathOf(again.decisionId), site, [
          sessionCookie(site, text.reveal()),
          endedCookie(site, 'sso'),
        ]);
      },
    },
  ];
}

/** Who signs in again, in which session, since when, and for a yes to what. */
interface SignInAgain extends Omit<StepUpAct, 'verdict'> {
  readonly personId: string;
  readonly sessionId: string;
  /** In epoch seconds, as issuers count. */
  readonly startS: number;
}

/** What a browser keeps while it is at the issuer. */
interface KeptTrip extends SsoTrip {
  readonly next: string;
  readonly tenant: string;
  readonly again?: SignInAgain | undefined;
}

const KEPT = v.object({
  state: v.string(),
  nonce: v.string(),
  verifier: v.string(),
  next: v.string(),
  tenant: v.string(),
  again: v.optional(
    v.strictObject({
      personId: v.string(),
      sessionId: v.string(),
      startS: v.number(),
      decisionId: v.string(),
      digest: v.string(),
      version: v.number(),
    }),
  ),
});

function useOf(next: string): ChallengeUse {
  return { purpose: 'sso', binding: next };
}

/** The state of this way counts for exactly this, so that what the browser keeps cannot be changed. */
function useAgain(again: SignInAgain): ChallengeUse {
  return { purpose: 'sso again', binding: canonicalText({ ...again, verdict: 'approve' }) };
}

function actOf({ decisionId, digest, version }: SignInAgain): StepUpAct {
  return { decisionId, digest, version, verdict: 'approve' };
}

function pathOf(decisionId: string): string {
  return new Paths().approval(decisionId);
}

function callbackOf({ origin, base }: RouteInput['site']): string {
  return `${origin}${base}/signin/callback`;
}

function leaving(site: RouteInput['site'], url: URL, trip: KeptTrip): Answer {
  const kept = Buffer.from(JSON.stringify(trip)).toString('base64url');
  return { status: 303, headers: { location: url.href }, cookies: [ssoCookie(site, kept, TRIP_MS / 1_000)] };
}

/** @throws RequestError 403 `other_person`, `not_fresh` */
async function checkAgain({ people }: Identity, { personId, startS }: SignInAgain, { account, authTimeS }: IssuerArrival): Promise<void> {
  const accounts = (await people.get(personId))?.accounts ?? [];
  if (!accounts.some(({ issuer, subject }) => issuer === account.issuer && subject === account.subject))
    throw new RequestError(
      403,
      'other_person',
      'Someone else signed in than who was to approve. Open the approval, and sign in again yourself.',
    );
  if (authTimeS === undefined || authTimeS < startS)
    throw new RequestError(
      403,
      'not_fresh',
      'The issuer of identities did not ask you again who you are, so this is no fresh sign-in. Open the approval and try again; if it stays so, add a passkey on the page Me.',
    );
}

/** Ends the session that the person had before. */
async function endSession({ sessions }: Identity, { personId, sessionId }: SignInAgain): Promise<void> {
  try {
    await sessions.end(personId, sessionId, personId);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}

function tripIn(cookie: string | undefined): KeptTrip {
  try {
    const kept = v.parse(KEPT, parseJsonStrictly(Buffer.from(cookie ?? '', 'base64url').toString()));
    return { ...kept, next: returnPath(kept.next) };
  } catch {
    // no cookie of this way
    throw ssoRefused();
  }
}
