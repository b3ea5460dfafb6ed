import type { Configuration } from 'openid-client';
import { escapeText } from '../../common/data/escapeText.js';
import { SecretString } from '../../common/SecretString.js';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import { RequestError } from '../front/RequestError.js';
import type { IssuerAccount } from '../people/Person.js';
import type { IssuerOptions } from '../tenant/IssuerOptions.js';

/** The package, as it is loaded when someone first signs in at an issuer. */
export type OpenidClient = typeof import('openid-client');

/** What the way to an issuer and back keeps in the browser. */
export interface SsoTrip {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Who signed in at an issuer. */
export interface IssuerArrival {
  readonly account: IssuerAccount;
  readonly name: string;
  /** When the person showed there who they are, in epoch seconds; absent where the issuer does not say. */
  readonly authTimeS?: number | undefined;
}

const TIMEOUT_S = 10;
const MAX_TEXT = 128;

/** Signs people in at one issuer of identities: the authorization code flow with PKCE, state and nonce. */
export class IssuerSignIn {
  readonly #options: IssuerOptions;
  readonly #load: () => Promise<OpenidClient>;
  #config: Promise<Configuration> | undefined;

  constructor(options: IssuerOptions, load: () => Promise<OpenidClient> = () => import('openid-client')) {
    this.#options = options;
    this.#load = load;
  }

  /** What people call the issuer. */
  get name(): string {
    return this.#options.name ?? new URL(this.#options.issuer).host;
  }

  /**
   * Where the browser goes to sign in there, and what it keeps for the way back.
   *
   * @param more parameters for the issuer, such as `max_age`
   */
  async begin(
    redirectUri: string,
    state: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly url: URL; readonly trip: SsoTrip }> {
    const client = await this.#client();
    const trip: SsoTrip = { state, nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier() };
    const url = client.buildAuthorizationUrl(await this.#discovered(client), {
      redirect_uri: redirectUri,
      scope: 'openid profile email',
      state,
      nonce: trip.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(trip.verifier),
      code_challenge_method: 'S256',
      ...more,
    });
    return { url, trip };
  }

  /**
   * Who came back.
   *
   * @param url as the browser was sent to it, with its query
   * @throws RequestError 403 `sso_refused` where the answer is not one to this trip
   */
  async finish(url: URL, { state, nonce, verifier }: SsoTrip): Promise<IssuerArrival> {
    const client = await this.#client();
    const config = await this.#discovered(client);
    const { groupsClaim, trustsMail } = this.#options;
    try {
      const tokens = await client.authorizationCodeGrant(config, url, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims() ?? {};
      const {
        iss: issuer,
        sub: subject,
        email,
        email_verified: isVerified,
        auth_time: authTime,
      } = claims as Readonly<Record<string, unknown>>;
      if (typeof issuer !== 'string' || typeof subject !== 'string') throw ssoRefused();
      const mail = trustsMail === true && isVerified === true && typeof email === 'string' ? email : undefined;
      const named = groupsClaim === undefined ? undefined : (claims as Readonly<Record<string, unknown>>)[groupsClaim];
      const groups = groupsClaim === undefined ? undefined : Array.isArray(named) ? named.filter((one) => typeof one === 'string') : [];
      const account: IssuerAccount = { issuer, subject, mail, groups, atMs: Date.now() };
      const authTimeS = typeof authTime === 'number' && Number.isFinite(authTime) ? authTime : undefined;
      return { account, name: nameIn(claims as Readonly<Record<string, unknown>>, subject), authTimeS };
    } catch (error) {
      throw ssoRefused(error);
    }
  }

  async #client(): Promise<OpenidClient> {
    try {
      return await this.#load();
    } catch (error) {
      throw new RequestError(
        503,
        'not_installed',
        'Signing in at an issuer needs a package that is not there. The operator of this server installs it: npm install openid-client',
        { cause: error },
      );
    }
  }

  /** What the issuer says of itself. Asked once; again where it could not be reached. */
  async #discovered(client: OpenidClient): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#options;
    const url = new URL(issuer);
    const secret = clientSecret instanceof SecretString ? clientSecret.reveal() : (clientSecret as string | undefined);
    const isLocal = url.protocol === 'http:' && isLoopbackHost(url.hostname);
    this.#config ??= client.discovery(url, clientId, secret, secret === undefined ? client.None() : undefined, {
      timeout: TIMEOUT_S,
      ...(isLocal && { execute: [client.allowInsecureRequests] }),
    });
    try {
      return await this.#config;
    } catch (error) {
      this.#config = undefined;
      throw new RequestError(503, 'issuer_unavailable', `${this.name} cannot be reached now. Try again later, or sign in with a passkey.`, {
        cause: error,
      });
    }
  }
}

/** A name that can be shown: what issuers call people may hide characters. */
function nameIn({ name, preferred_username: username }: Readonly<Record<string, unknown>>, subject: string): string {
  const given = [name, username, subject].find((one): one is string => typeof one === 'string' && one.trim() !== '') as string;
  return Array.from(escapeText(given.trim())).slice(0, MAX_TEXT).join('');
}

/** The same for every answer of an issuer that is not believed. */
export function ssoRefused(cause?: unknown): RequestError {
  return new RequestError(403, 'sso_refused', 'Signing in did not come to its end, or took too long. Begin again on the sign-in page.', {
    cause,
  });
}
