import type { Role, SignInMethod } from '../people/Person.js';

/** What a key may do. There is none for verdicts: those need a person. */
export type Scope = 'decide' | 'approvals:read' | 'policies:read' | 'keys:admin' | 'metrics:read';

/** A person who is signed in, as of this request. */
export interface SignedIn {
  /** The id of the person. */
  readonly personId: string;
  /** The name, as it is now. */
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
  /** The groups, for `@approvers`. */
  readonly groups: readonly string[];
  readonly method: SignInMethod;
  /** The id of the session, not its secret; absent with a token. */
  readonly sessionId?: string | undefined;
  /** What forms of this session must carry; absent with a token. */
  readonly formToken?: string | undefined;
}

/** Who makes a request. */
export interface Caller {
  /** `key`: an agent's or an operator's key. `host`: the operator of the host, who has the state key. `person`: see {@link Caller.signedIn}. */
  readonly kind: 'key' | 'host' | 'person';
  /** Whose data it sees. It comes from the key or the session alone. */
  readonly tenantId: string;
  /** The id of the key, of the person, or the name of the host's operator, such as `host:ann`. */
  readonly id: string;
  /** The person, where it is one. */
  readonly signedIn?: SignedIn | undefined;
  /** What it may do. */
  readonly scopes: ReadonlySet<Scope>;
  /** The agents that it speaks for; `undefined`: all of its tenant. */
  readonly agents: readonly string[] | undefined;
  /** Whether the session that it sends is believed. Otherwise `user_id` is only what the agent says. */
  readonly sessionTrusted: boolean;
  /** When its key ends, in epoch milliseconds; never, where it is absent. What it hands on ends no later. */
  readonly endsAtMs?: number | undefined;
}
