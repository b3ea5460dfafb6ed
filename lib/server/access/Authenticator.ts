import type { Awaitable } from '../../common/awaitable.js';
import { AuthError } from '../../model/errors/ServiceErrors.js';
import type { Site } from '../front/Site.js';
import { tagIn, tagOf } from './apiKey.js';
import type { Caller } from './Caller.js';
import { HOST_HEADER } from './HostSignature.js';
import type { HostSignature } from './HostSignature.js';
import type { KeyRing } from './KeyRing.js';
import { readCookie } from './sessionCookie.js';

/** What of a request says who makes it. */
export interface AccessRequest {
  /** Its headers, by lower-case name; several of one name are joined by commas. */
  readonly headers: { get(name: string): string | null };
  /** The address of the socket: never what a header says. */
  readonly address: string | undefined;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** How its browser sees this server. @throws RequestError 421 `public_url_missing` */
  site(): Site;
  /** Reads the body. Called only where the signature covers it, after all that can be checked without it. */
  body(): Awaitable<string>;
  /**
   * How old what is known of its key may be, in milliseconds.
   *
   * @defaultValue 30,000
   */
  readonly maxAgeMs?: number | undefined;
}

/** Says who a person is that makes a request. */
export interface PersonAccess {
  /** The person with this session, by the text of its cookie. */
  ofSession(text: string): Promise<Caller | undefined>;
  /** The person who made this token. */
  ofToken(text: string): Promise<Caller | undefined>;
}

/** How every personal token begins. */
const TOKEN = /^aegp_/;
/** The code of the error where no one is signed in. */
export const SIGNED_OUT = 'signed_out';
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip'];

/** Says who makes a request: by its key, by a person's session or token, or, for the operator of the host, by a signature with the state key. */
export class Authenticator {
  readonly #rings: readonly KeyRing[];
  /** Those that may have a key, by its tag. */
  readonly #byTag = new Map<string, KeyRing[]>();
  readonly #host: HostSignature | undefined;
  readonly #people: PersonAccess | undefined;

  /**
   * @param rings one for each tenant
   * @param host absent where this server knows no operator of the host
   * @param people absent where it knows no people
   */
  constructor(rings: Iterable<KeyRing>, host?: HostSignature, people?: PersonAccess) {
    this.#rings = [...rings];
    for (const ring of this.#rings) {
      const tag = tagOf(ring.tenantId);
      this.#byTag.set(tag, [...(this.#byTag.get(tag) ?? []), ring]);
    }
    this.#host = host;
    this.#people = people;
  }

  /**
   * Finds out who makes a request.
   *
   * @throws AuthError with the code `invalid_api_key`, the same for every key that opens nothing; `signed_out` for a session that has ended
   */
  async authenticate(request: AccessRequest): Promise<Caller> {
    const { headers } = request;
    const signature = headers.get(HOST_HEADER);
    const key = headers.get('x-api-key');
    const [, bearer] = /^bearer +(\S+)$/i.exec(headers.get('authorization') ?? '') ?? [];
    if (signature !== null) return this.#operator(signature, request, key === null && bearer === undefined);
    if (key === null && bearer === undefined) return this.#ofSession(request);
    if (key !== null && bearer !== undefined && key !== bearer) throw invalidKey();
    const caller = await this.#ofKey(key ?? (bearer as string), request.maxAgeMs);
    if (caller === undefined) throw invalidKey();
    return caller;
  }

  async #ofSession(request: AccessRequest): Promise<Caller> {
    const cookies = request.headers.get('cookie');
    const text = this.#people === undefined || cookies === null ? undefined : readCookie(cookies, request.site());
    if (text === undefined)
      throw new AuthError('The request has no key. Send it in the header X-API-KEY, or as Authorization: Bearer.', REFUSED);
    const caller = await this.#people?.ofSession(text);
    if (caller === undefined) throw new AuthError('The session has ended. Sign in again.', { code: SIGNED_OUT, status: 401 });
    return caller;
  }

  async #ofKey(text: string, maxAgeMs: number | undefined): Promise<Caller | undefined> {
    if (TOKEN.test(text)) return this.#people?.ofToken(text);
    for (const ring of this.#byTag.get(tagIn(text)) ?? []) {
      const caller = await ring.find(text, maxAgeMs);
      if (caller !== undefined) return caller;
    }
    return undefined;
  }

  async #operator(signature: string, request: AccessRequest, isAlone: boolean): Promise<Caller> {
    const { headers, address, method, path } = request;
    const isForwarded = FORWARDED.some((name) => headers.get(name) !== null);
    const host = headers.get('host') ?? '';
    const caller =
      isAlone && this.#host?.mayBeValid(signature, address, isForwarded) === true
        ? this.#host.verify(signature, { method, path, host, body: await request.body() }, address, isForwarded)
        : undefined;
    if (caller === undefined || !this.#rings.some(({ tenantId }) => tenantId === caller.tenantId))
      throw new AuthError(
        'The signature of this request is not valid. Sign it anew with the state key of this server, on its own machine and without a proxy; check that the clock was not set back since the server started.',
        REFUSED,
      );
    return caller;
  }
}

const REFUSED = { code: 'invalid_api_key', status: 401 };

function invalidKey(): AuthError {
  return new AuthError('The key is unknown, has expired or was revoked. List the keys of the server: npx aegis keys list.', REFUSED);
}
