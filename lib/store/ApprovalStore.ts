import type { Awaitable } from '../common/awaitable.js';
import type { Params, Session } from '../model/Params.js';

/** A policy whose approval a call needs. */
export interface ApprovalPolicy {
  /** The policy's `@id`. */
  readonly id: string;
  /** SHA-256 of its text. */
  readonly hash: string;
  /** The policy's `@reason`. */
  readonly reason?: string | undefined;
  /** The policy's `@severity`. */
  readonly severity?: string | undefined;
  /** Groups whose people may decide. */
  readonly approvers?: readonly string[] | undefined;
  /** Whether the requester may approve: `@self_approval("true")`. */
  readonly selfApproval?: boolean | undefined;
}

/** What one person said. */
export interface Verdict {
  /** Whether the person approved. */
  readonly approve: boolean;
  /** The person. */
  readonly by: string;
  /** The person's reason. */
  readonly reason?: string | undefined;
  /** When, in epoch milliseconds. */
  readonly atMs: number;
  /** Ids of the approval policies it counts for. */
  readonly policies: readonly string[];
}

/** One approval, as the decision side keeps it: everything that was shown, who said what, and whether it was used. */
export interface ApprovalRecord {
  /** The id of the approval. */
  readonly decisionId: string;
  /** The agent that calls. */
  readonly agentId: string;
  /** The tool that is called. */
  readonly toolName: string;
  /** The guard's key. */
  readonly guardKey: string;
  /** The params as called. */
  readonly originalParams: Params;
  /** The params that would run. */
  readonly params: Params;
  /** SHA-256 of the canonical text of the params as called. */
  readonly originalDigest: string;
  /** SHA-256 of the canonical text of the params that would run. */
  readonly digest: string;
  /** Names of the params no decision sees. */
  readonly opaque: readonly string[];
  /** Host data about who is behind the call; `null` where the guard has none. */
  readonly session: Session | null;
  /** SHA-256 of the canonical text of the session. */
  readonly sessionDigest: string;
  /** What policies saw as `context.facts`. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** SHA-256 of the canonical text of the facts. */
  readonly factsDigest: string;
  /** `session.user_id`, else the agent. */
  readonly requester: string;
  /** Whether the requester is an authenticated user. */
  readonly requesterKnown: boolean;
  /** Why a person is asked. */
  readonly reason: string;
  /** Why the params were changed, where they were. */
  readonly message?: string | undefined;
  /** The policies that ask for an approval. */
  readonly policies: readonly ApprovalPolicy[];
  /** The hash of all policies when they asked. */
  readonly policySetHash: string;
  /** How often a person refused this agent this tool lately. */
  readonly refusals: number;
  /** When a person was asked, in epoch milliseconds. */
  readonly createdAtMs: number;
  /** Until when a person may decide, in epoch milliseconds. */
  readonly expiresAtMs: number;
  /** Where it stands. */
  readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'withdrawn';
  /** The verdicts so far. */
  readonly verdicts: readonly Verdict[];
  /** Set when it was used, once. The token names what used it: a task, however often that has to begin. */
  readonly consumed?: { readonly token: string; readonly atMs: number } | undefined;
  /** One higher with each change. */
  readonly version: number;
  /** HMAC over all of it, where the module has a `stateKey`. */
  readonly mac?: string | undefined;
}

/** Which approvals to list. */
export interface ApprovalQuery {
  /** Only in this status, or one of these. */
  readonly status?: ApprovalRecord['status'] | undefined;
  /** Only of this agent. */
  readonly agentId?: string | undefined;
  /** Only of this tool. */
  readonly toolName?: string | undefined;
  /** Only those whose time is over by then, in epoch milliseconds. */
  readonly overdueAtMs?: number | undefined;
  /** At most this many, oldest first. Default 1,000. */
  readonly limit?: number | undefined;
}

/** Keeps approval requests and verdicts. */
export interface ApprovalStore {
  /** Makes the store ready. Called before anything else, perhaps more than once. */
  open?(): Awaitable<void>;
  /** Frees what the store holds. */
  close?(): Awaitable<void>;
  /** False where the decisionId is taken. */
  insert(record: ApprovalRecord): Awaitable<boolean>;
  /** One approval, or `undefined`. */
  get(decisionId: string): Awaitable<ApprovalRecord | undefined>;
  /** Compare-and-set: replaces the record if its version is still `version`. */
  replace(record: ApprovalRecord, version: number): Awaitable<boolean>;
  /** Oldest first, never ordered by anything the caller wrote. */
  list(query: ApprovalQuery): Awaitable<readonly ApprovalRecord[]>;
  /** How many are pending for that agent and tool, over or not. */
  countPending(agentId: string, toolName: string): Awaitable<number>;
  /** Those a person refused that agent that tool, decided at `sinceMs` or later; newest last, the newest 1,000 at the most. */
  listDenied(agentId: string, toolName: string, sinceMs: number): Awaitable<readonly ApprovalRecord[]>;
  /**
   * Forgets approvals that ended at `endedByMs` or before, decided or not. Until then they stay, so that none is used or opened twice; only of those
   * that were used or ended undecided a store may keep the newest 10,000.
   */
  prune(endedByMs: number): Awaitable<number>;
}
