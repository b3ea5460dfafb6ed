import type { Identity } from '../people/Identity.js';
import type { Person, SignInMethod } from '../people/Person.js';
import type { PersonAccess } from './Authenticator.js';
import type { Caller, Scope, SignedIn } from './Caller.js';

/** What a person with any role may ask of the API. Nothing that makes keys or decides calls: keys do that. */
const SCOPES: ReadonlySet<Scope> = new Set(['approvals:read', 'policies:read']);
const NONE: ReadonlySet<Scope> = new Set();

/** Lets people in, by the sessions and tokens of each tenant. They are looked up for each request, so that what has ended opens nothing. */
export class PeopleAccess implements PersonAccess {
  readonly #identities: readonly Identity[];

  /** @param identities one for each tenant */
  constructor(identities: Iterable<Identity>) {
    this.#identities = [...identities];
  }

  async ofSession(text: string): Promise<Caller | undefined> {
    for (const identity of this.#identities) {
      const found = await identity.sessions.find(text);
      if (found === undefined) continue;
      const { session, person, formToken } = found;
      return callerOf(identity, person, { method: session.method, sessionId: session.id, formToken });
    }
    return undefined;
  }

  async ofToken(text: string): Promise<Caller | undefined> {
    for (const identity of this.#identities) {
      const found = await identity.tokens.find(text);
      if (found !== undefined) return callerOf(identity, found.person, { method: 'token' });
    }
    return undefined;
  }
}

async function callerOf(
  { tenantId, directory }: Identity,
  { id, name, roles }: Person,
  how: { readonly method: SignInMethod } & Pick<SignedIn, 'sessionId' | 'formToken'>,
): Promise<Caller> {
  const groups = (await directory.personOf(id))?.groups ?? [];
  return {
    kind: 'person',
    tenantId,
    id,
    signedIn: { personId: id, name, roles: new Set(roles), groups, ...how },
    scopes: roles.length > 0 ? SCOPES : NONE,
    agents: undefined,
    sessionTrusted: false,
  };
}
