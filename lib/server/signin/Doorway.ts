import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import { endedCookie, readCookie, sessionCookie } from '../access/sessionCookie.js';
import type { Identity } from '../people/Identity.js';
import type { NewSession } from '../people/Sessions.js';
import type { Answer, RouteInput } from '../route/Route.js';

/** A session, by what it is called. */
export interface BrowserSession {
  readonly personId: string;
  readonly sessionId: string;
}

/** Someone without a session comes in here: finds the people of a tenant, and starts and ends sessions. */
export class Doorway {
  readonly #identities: ReadonlyMap<string, Identity>;

  /** @param identities one for each tenant */
  constructor(identities: Iterable<Identity>) {
    this.#identities = new Map([...identities].map((identity) => [identity.tenantId, identity]));
  }

  /** Whether there are several tenants, so that people have to say which one is theirs. */
  get hasSeveral(): boolean {
    return this.#identities.size > 1;
  }

  /**
   * The people of the tenant that someone comes to: the only one, or the one that they name.
   *
   * @throws NotFoundError where there is no such tenant
   */
  identityFor(tenantId: string | null | undefined): Identity {
    const [only] = this.#identities.values();
    const found = this.hasSeveral ? this.#identities.get(tenantId ?? '') : only;
    if (found === undefined) throw new NotFoundError('There is no such tenant here. Ask an admin for the link to your sign-in page.');
    return found;
  }

  /** Lets the browser in with a new session, and goes on to a path below the base path. What session it had has ended. */
  async enter({ headers, site }: RouteInput, { text }: NewSession, path: string): Promise<Answer> {
    await this.#endOld(headers.get('cookie'), site);
    return { status: 303, headers: { location: `${site.base}${path}` }, cookies: [sessionCookie(site, text.reveal())] };
  }

  /** Ends the session that the browser has. */
  async leave({ headers, site }: RouteInput): Promise<Answer> {
    await this.#endOld(headers.get('cookie'), site);
    return { status: 303, headers: { location: `${site.base}/signin` }, cookies: [endedCookie(site)] };
  }

  /** The session that the browser has in a tenant. */
  async sessionOf(tenantId: string, { headers, site }: Pick<RouteInput, 'headers' | 'site'>): Promise<BrowserSession | undefined> {
    const text = readCookie(headers.get('cookie'), site);
    const found = text === undefined ? undefined : await this.#identities.get(tenantId)?.sessions.find(text);
    return found && { personId: found.person.id, sessionId: found.session.id };
  }

  async #endOld(cookies: string | null, site: RouteInput['site']): Promise<void> {
    const text = readCookie(cookies, site);
    if (text === undefined) return;
    for (const { sessions } of this.#identities.values()) {
      const found = await sessions.find(text);
      if (found !== undefined) await sessions.end(found.person.id, found.session.id, found.person.id);
    }
  }
}
