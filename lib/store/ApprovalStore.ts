import type { Awaitable } from '../common/awaitable.js';
import type { Params, Session } from '../model/Params.js';

/** A policy whose approval a call needs. */
export interface ApprovalPolicy {
  readonly id: string;
  /** SHA-256 of its text. */
  readonly hash: string;
  readonly reason?: string | undefined;
  readonly severity?: string | undefined;
  /** Groups whose people may decide. */
  readonly approvers?: readonly string[] | undefined;
  readonly selfApproval?: boolean | undefined;
}

/** What one person said. */
export interface Verdict {
  readonly approve: boolean;
  readonly by: string;
  readonly reason?: string | undefined;
  readonly atMs: number;
  /** Ids of the approval policies it counts for. */
  readonly policies: readonly string[];
}

/** One approval, as the decision side keeps it: everything that was shown, who said what, and whether it was used. */
export interface ApprovalRecord {
  readonly decisionId: string;
  readonly agentId: string;
  readonly toolName: string;
  readonly guardKey: string;
  /** The params as called. */
  readonly originalParams: Params;
  /** The params that would run. */
  readonly params: Params;
  readonly originalDigest: string;
  readonly digest: string;
  /** Names of the params no decision sees. */
  readonly opaque: readonly string[];
  readonly session: Session | null;
  readonly sessionDigest: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly factsDigest: string;
  /** `session.user_id`, else the agent. */
  readonly requester: string;
  /** Whether the requester is an authenticated user. */
  readonly requesterKnown: boolean;
  readonly reason: string;
  /** Why the params were changed, where they were. */
  readonly message?: string | undefined;
  readonly policies: readonly ApprovalPolicy[];
  readonly policySetHash: string;
  /** How often a person refused this agent this tool lately. */
  readonly refusals: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'withdrawn';
  readonly verdicts: readonly Verdict[];
  /** Set when it was used, once. The token names what used it: a task, however often that has to begin. */
  readonly consumed?: { readonly token: string; readonly atMs: number } | undefined;
  readonly version: number;
  /** HMAC over all of it, where the module has a `stateKey`. */
  readonly mac?: string | undefined;
}

/** Which approvals to list. */
export interface ApprovalQuery {
  readonly status?: ApprovalRecord['status'] | undefined;
  readonly agentId?: string | undefined;
  readonly toolName?: string | undefined;
  /** Only those whose time is over by then, in epoch milliseconds. */
  readonly overdueAtMs?: number | undefined;
  /** At most this many, oldest first. Default 1,000. */
  readonly limit?: number | undefined;
}

/** Keeps approval requests and verdicts. */
export interface ApprovalStore {
  open?(): Awaitable<void>;
  close?(): Awaitable<void>;
  /** False where the decisionId is taken. */
  insert(record: ApprovalRecord): Awaitable<boolean>;
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
