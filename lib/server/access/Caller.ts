/** What a key may do. There is none for verdicts: those need a person. */
export type Scope = 'decide' | 'approvals:read' | 'policies:read' | 'keys:admin' | 'metrics:read';

/** Who makes a request. */
export interface Caller {
  /** `key`: an agent's or an operator's key. `host`: the operator of the host, who has the state key. */
  readonly kind: 'key' | 'host';
  /** Whose data it sees. It comes from the key alone. */
  readonly tenantId: string;
  /** The id of the key, or the name of the host's operator, such as `host:ann`. */
  readonly id: string;
  /** What it may do. */
  readonly scopes: ReadonlySet<Scope>;
  /** The agents that it speaks for; `undefined`: all of its tenant. */
  readonly agents: readonly string[] | undefined;
  /** Whether the session that it sends is believed. Otherwise `user_id` is only what the agent says. */
  readonly sessionTrusted: boolean;
  /** When its key ends, in epoch milliseconds; never, where it is absent. What it hands on ends no later. */
  readonly endsAtMs?: number | undefined;
}
