import type { Params, Session } from '../Params.js';
import type { Assurance } from '../DecisionEvidence.js';
import type { GrantTerms } from './GrantTerm.js';

/** What of later calls need not be as it was in the approved one. */
export interface GrantLoosening {
  /** Params that need not be exactly what they were, by JSON pointer. @defaultValue none */
  readonly loosen?: GrantTerms | undefined;
  /** Fields of the session that need not be exactly what they were, by JSON pointer. @defaultValue none */
  readonly loosenSession?: GrantTerms | undefined;
  /** Facts that need not be exactly what they were, by JSON pointer. @defaultValue none */
  readonly loosenFacts?: GrantTerms | undefined;
  /** Covers calls of every `session.user_id`, not only those of the user whose call was approved. @defaultValue false */
  readonly anyRequester?: boolean | undefined;
}

/** What a person asks for who makes a grant. */
export interface GrantInput extends GrantLoosening {
  /** How many later calls it covers: 1 to 1,000, and at most what `@grantable` of every policy says. */
  readonly uses: number;
  /** For how long, in milliseconds; at most what `@grantable` of every policy says. */
  readonly forMs: number;
}

/** The end of a grant before its time. */
export interface GrantRevocation {
  /** Who took it back. */
  readonly by: string;
  /** When, in epoch milliseconds. */
  readonly atMs: number;
  /** Why, in that person's words. */
  readonly reason?: string | undefined;
}

/** What a grant covers. */
export interface GrantScope {
  /** The agent whose calls it covers. */
  readonly agentId: string;
  /** The tool. */
  readonly toolName: string;
  /** The guard's key. */
  readonly guardKey: string;
  /** The user whose calls it covers, or the agent, where the approved call had none. */
  readonly requester: string;
  /** Whether it covers the calls of every user. */
  readonly anyRequester?: true | undefined;
  /** The params that ran when it was approved: a later call has the same names and values, but for those in `loosened`. */
  readonly params: Params;
  /** The params as called, where a policy changed them. */
  readonly originalParams?: Params | undefined;
  /** The session of the approved call. */
  readonly session: Session | null;
  /** The facts of the approved call. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What need not be as it was, by JSON pointer. */
  readonly loosened: { readonly params: GrantTerms; readonly session: GrantTerms; readonly facts: GrantTerms };
  /** The policies that it answers, each in exactly this text. */
  readonly lifts: readonly { readonly id: string; readonly hash: string }[];
}

/** A standing verdict: it answers approval policies for later calls like the one that was approved, as a person's yes would. It permits nothing. */
export interface Grant extends GrantScope {
  /** Names it. */
  readonly id: string;
  /** One higher with each use and change. */
  readonly version: number;
  /** How many calls it covers. */
  readonly maxUses: number;
  /** How many it has covered. */
  readonly used: number;
  /** When it was made, in epoch milliseconds. */
  readonly createdAtMs: number;
  /** Until when it covers calls, in epoch milliseconds. */
  readonly expiresAtMs: number;
  /** Who made it. */
  readonly by: string;
  /** The name of that person at that time, where a directory knew it. */
  readonly name?: string | undefined;
  /** What showed that it was this person; absent where the program itself said so. */
  readonly assurance?: Assurance | undefined;
  /** @internal The passkey that signed it: once the person no longer has that, the grant covers nothing. */
  readonly credential?: string | undefined;
  /** @internal Which life of that person's rights it was: where some were taken since, the grant covers nothing. */
  readonly epoch?: number | undefined;
  /** Why, in the words of who made it. */
  readonly reason?: string | undefined;
  /** The approval with which it was made. */
  readonly fromDecision: string;
  /** Set once it was taken back. */
  readonly revoked?: GrantRevocation | undefined;
}

/** Who does something about grants, and why. */
export interface GrantAct {
  /** The person, by an id that the host has authenticated. */
  readonly by: string;
  /** Why, in that person's words. */
  readonly reason?: string | undefined;
}

/** Where a grant stands. */
export type GrantState = 'active' | 'used-up' | 'expired' | 'revoked';

/** Where a grant stands at a time. */
export function grantState(
  { revoked, used, maxUses, expiresAtMs }: Pick<Grant, 'revoked' | 'used' | 'maxUses' | 'expiresAtMs'>,
  nowMs: number,
): GrantState {
  if (revoked !== undefined) return 'revoked';
  if (nowMs >= expiresAtMs) return 'expired';
  return used < maxUses ? 'active' : 'used-up';
}
