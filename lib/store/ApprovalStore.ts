import type { Awaitable } from '../common/awaitable.js';
import type { ApprovalTerms } from '../model/terms/ApprovalTerms.js';
import type { IdempotencyKey } from '../model/Decision.js';
import type { Assurance, VerdictProof } from '../model/DecisionEvidence.js';
import type { Params, Session } from '../model/Params.js';
import type { ApprovalPreview } from '../model/preview/CallPreview.js';
import type { ParamChange } from '../model/snapshot/paramChanges.js';
import type { Task } from '../model/Task.js';
import type { Sensitive } from '../model/sensitive/Sensitive.js';
import type { BegunPage } from './change/BegunPage.js';
import type { ChangeConditions } from './change/ChangeConditions.js';
import type { RunOutcome } from './change/RunOutcome.js';
import type { CounterChange, CounterStore } from './counter/CounterStore.js';
import type { StoredRecord } from './RecordStore.js';

export type { Assurance, VerdictProof } from '../model/DecisionEvidence.js';
export type { BegunPage } from './change/BegunPage.js';
export type { ChangeConditions } from './change/ChangeConditions.js';
export type { RunOutcome } from './change/RunOutcome.js';

/** A policy that wants a person's approval of a call. */
export interface ApprovalPolicy extends ApprovalTerms {
  /** The policy's `@id`. */
  readonly id: string;
  /** SHA-256 of its text. */
  readonly hash: string;
  /** The policy's `@reason`. */
  readonly reason?: string | undefined;
  /** The policy's `@severity`. */
  readonly severity?: string | undefined;
  /** The groups whose members may decide. */
  readonly approvers?: readonly string[] | undefined;
  /** Whether the requester may approve: `@self_approval("true")`. */
  readonly selfApproval?: boolean | undefined;
  /** The policy's `@summary`: the names of the params that lists show. */
  readonly summary?: readonly string[] | undefined;
}

/** One person's verdict. */
export interface Verdict {
  /** Whether the person approved. */
  readonly approve: boolean;
  /** The person. */
  readonly by: string;
  /** The person's reason. */
  readonly reason?: string | undefined;
  /** When, in epoch milliseconds. */
  readonly atMs: number;
  /** What showed that it was this person; absent where the program itself said so. */
  readonly assurance?: Assurance | undefined;
  /** The name of the person at that time, where a directory knew it. */
  readonly name?: string | undefined;
  /** The groups of the person at that time, those of the program too; absent where no directory knew the person, or the program said by itself who may decide. */
  readonly groups?: readonly string[] | undefined;
  /** Where these groups came from. */
  readonly groupsFrom?: string | undefined;
  /** The signature that was given with it. */
  readonly proof?: VerdictProof | undefined;
  /** What its sender called it: the same verdict under the same key again is this one. */
  readonly key?: string | undefined;
  /** SHA-256 of the edit and the grant that came under the key; absent without either. */
  readonly keyed?: string | undefined;
  /** How many values the person was not shown in full, and said to know that. */
  readonly hidden?: number | undefined;
  /** The grant that was made with it, and SHA-256 of all that it says. */
  readonly grant?: { readonly id: string; readonly digest: string } | undefined;
  /** Ids of the approval policies that it counts for. */
  readonly policies: readonly string[];
}

/** What deciding an edited call needs beside its record. */
export interface AmendableCall {
  /** What the guard knows of the call, as 64 hex digits. */
  readonly bindingBase: string;
  /** Action groups of the guard. */
  readonly groups: readonly string[];
  /** Names of params that may be left out. */
  readonly removable: readonly string[];
}

/** One edit of the params of an approval. It gives no verdict, and those that were given before count no more. */
export interface Amendment {
  /** The person. */
  readonly by: string;
  /** The name of the person at that time, where a directory knew it. */
  readonly name?: string | undefined;
  /** The person's reason. */
  readonly reason?: string | undefined;
  /** When, in epoch milliseconds. */
  readonly atMs: number;
  /** What showed that it was this person; absent where the program itself said so. */
  readonly assurance?: Assurance | undefined;
  /** The groups of the person at that time, where a directory knew them. */
  readonly groups?: readonly string[] | undefined;
  /** Who said so. */
  readonly groupsFrom?: string | undefined;
  /** The signature that was given with it. */
  readonly proof?: VerdictProof | undefined;
  /** SHA-256 of the params that would have run before. */
  readonly from: string;
  /** SHA-256 of the params that would run from then on. */
  readonly to: string;
  /** The edited call, before any sanitize: policies decide on it as if it had been called so. Of the last edit until it is known how the run ended; empty once nothing can run. */
  readonly params: Params;
  /** Where the params that would run differ. The values are left out once nothing can run under the approval. */
  readonly changes: readonly ParamChange[];
  /** The verdicts that were given before. */
  readonly superseded: readonly Verdict[];
}

/** One approval as the decision service keeps it: everything that was shown, who decided what, and whether it was used. */
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
  /** SHA-256 over all that it is good for: the guard's `bindingBase`, the digest of what would run, the tenant. Without it the approval is never used. */
  readonly bindingDigest?: string | undefined;
  /** What code must know to decide or use the approval, by name. Code that does not know one of them refuses. */
  readonly requires?: readonly string[] | undefined;
  /** Action groups of the guard, where there are any: with them, the call is counted when the approval is used. */
  readonly groups?: readonly string[] | undefined;
  /** Names of params that a sanitize may remove, where there are any. */
  readonly removable?: readonly string[] | undefined;
  /** Whether the call was counted when the approval was opened. */
  readonly counted?: boolean | undefined;
  /** Names of the params that no decision sees. */
  readonly opaque: readonly string[];
  /** What is not shown to everyone, by JSON pointer into the params. */
  readonly sensitive?: Sensitive | undefined;
  /** What its tool says that it would do, where its guard makes previews. */
  readonly preview?: ApprovalPreview | undefined;
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
  /** False where its caller's word for the session is not believed. */
  readonly sessionTrusted?: false | undefined;
  /** Why a person is asked. */
  readonly reason: string;
  /** Why a policy changed the params, if one did. */
  readonly message?: string | undefined;
  /** The request that opened it, where its client named it: the same request again finds this approval. An agent takes a key once. */
  readonly idempotency?: IdempotencyKey | undefined;
  /** Whether its caller is told once that it was approved, and that is its use: the caller cannot use it up by itself. */
  readonly usedByAnswer?: boolean | undefined;
  /** The policies that ask for an approval. */
  readonly policies: readonly ApprovalPolicy[];
  /** The hash of all policies when they asked. */
  readonly policySetHash: string;
  /** How often people have lately refused this tool to this agent. */
  readonly refusals: number;
  /** When a person was asked, in epoch milliseconds. */
  readonly createdAtMs: number;
  /** Until when a person may decide, in epoch milliseconds. */
  readonly expiresAtMs: number;
  /** Where it stands. */
  readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'withdrawn';
  /** The verdicts so far, on the params as they are now. */
  readonly verdicts: readonly Verdict[];
  /** Where its policies let people edit the params. */
  readonly amendable?: AmendableCall | undefined;
  /** The edits of its params, oldest first. */
  readonly amendments?: readonly Amendment[] | undefined;
  /** Set once, when it was used. The token is that of the task that used it, however often that task has to begin. */
  readonly consumed?: { readonly token: string; readonly atMs: number } | undefined;
  /** Set once, right before the method was entered: the claim that began. Another claim on the same approval never runs, unless it is idempotent. */
  readonly begun?: { readonly claimToken: string; readonly atMs: number } | undefined;
  /** How its run ended, as far as that was reported. */
  readonly outcome?: RunOutcome | undefined;
  /** Base64url of 16 random bytes: with it, audit logs commit to the values of this approval, the same in every process. */
  readonly auditSalt?: string | undefined;
  /** One higher with each change. */
  readonly version: number;
  /** HMAC over the whole record, if the module has a `stateKey`. */
  readonly mac?: string | undefined;
}

/** A policy that asks, as lists know it. */
export interface CardPolicy extends Pick<
  ApprovalPolicy,
  'id' | 'severity' | 'approvers' | 'selfApproval' | 'quorum' | 'distinct' | 'escalate'
> {
  /** Whether it has the yes of everyone that it takes. */
  readonly approved?: true | undefined;
  /** Where it takes several people, or none who counts elsewhere: those who count for it so far. */
  readonly filledBy?: readonly string[] | undefined;
}

/** A param as lists show it. */
export interface CardParam {
  /** Its name, cut. */
  readonly name: string;
  /** Its value that would run, as JSON in its canonical form, cut. */
  readonly text: string;
  /** How many characters of it were cut off. */
  readonly cut?: number | undefined;
}

/** What lists show of an approval: the params that its policies name, or else the first ones, cut; no facts and no session. */
export interface ApprovalCard extends Pick<
  ApprovalRecord,
  | 'decisionId'
  | 'agentId'
  | 'toolName'
  | 'requester'
  | 'requesterKnown'
  | 'reason'
  | 'digest'
  | 'refusals'
  | 'createdAtMs'
  | 'expiresAtMs'
  | 'status'
  | 'version'
> {
  /** The policies that ask, by id. */
  readonly policies: readonly CardPolicy[];
  /** The params that `@summary` names, or else the first ones; absent where an older version wrote the card. */
  readonly summary?: readonly CardParam[] | undefined;
  /** How many params are not in the summary. */
  readonly unlisted?: number | undefined;
  /** The first names of params that a policy changed, removed or added. */
  readonly changed?: readonly string[] | undefined;
  /** The first names of params that people edited. */
  readonly edited?: readonly string[] | undefined;
  /** What in it may deceive the eye. */
  readonly deceptive?: readonly ('hidden' | 'lookalike')[] | undefined;
  /** Whether it was used. */
  readonly consumed: boolean;
  /** How its run ended, as far as that was reported. */
  readonly outcome?: RunOutcome['status'] | undefined;
  /** Who gave the last verdict, and when. */
  readonly decided?: Pick<Verdict, 'by' | 'name' | 'atMs'> | undefined;
  /** HMAC over the card, if the approvals are signed. */
  readonly mac?: string | undefined;
}

/** Selects a page of approvals. An approval must match every field that is given. */
export interface ApprovalPageQuery {
  /** Only in this status. */
  readonly status?: ApprovalRecord['status'] | undefined;
  /** Only of this agent. */
  readonly agentId?: string | undefined;
  /** Only of one of these agents. */
  readonly agents?: readonly string[] | undefined;
  /** Only of this tool. */
  readonly toolName?: string | undefined;
  /** Only with this text, in any case, in the id, the agent, the tool, the requester, the reason, a policy, or who decided; or at the start of the digest. */
  readonly q?: string | undefined;
  /** Only those in which this person gave the last verdict. */
  readonly decidedBy?: string | undefined;
  /** Only those whose run was reported to have ended so. */
  readonly outcome?: RunOutcome['status'] | undefined;
  /** Only those that were made then or later, in epoch milliseconds. */
  readonly sinceMs?: number | undefined;
  /** Only those that were made before, in epoch milliseconds. */
  readonly untilMs?: number | undefined;
  /** @defaultValue `newest` */
  readonly order?: 'newest' | 'oldest' | undefined;
  /** Only those after the last one of an earlier page. One that no page gave is followed by nothing. */
  readonly cursor?: string | undefined;
  /**
   * At most this many, the newest or the oldest first.
   *
   * @defaultValue 50
   */
  readonly limit?: number | undefined;
}

/** A page of approvals. */
export interface ApprovalPage {
  /** Newest first, or in the order that was asked for. */
  readonly cards: readonly ApprovalCard[];
  /** For the next page; absent where this is the last one. A page that looked through many approvals may be short and still have one. */
  readonly cursor?: string | undefined;
}

/** Selects the approvals to list. An approval must match every field that is given. */
export interface ApprovalQuery {
  /** Only in this status, or one of these. */
  readonly status?: ApprovalRecord['status'] | undefined;
  /** Only of this agent. */
  readonly agentId?: string | undefined;
  /** Only of this tool. */
  readonly toolName?: string | undefined;
  /** Only approvals that have expired by then, in epoch milliseconds. */
  readonly overdueAtMs?: number | undefined;
  /** Only approvals that expire after this, in epoch milliseconds. */
  readonly overdueSinceMs?: number | undefined;
  /**
   * At most this many, oldest first.
   *
   * @defaultValue 1000
   */
  readonly limit?: number | undefined;
}

/**
 * Binds an approval that was stored before approvals were bound to their whole call.
 *
 * @param record the approval
 * @param task the task that waits for it
 * @returns the approval with its binding, one version on; `undefined` where it cannot be bound to that task, and then it is never used
 */
export type BindOlder = (record: ApprovalRecord, task: Task) => ApprovalRecord | undefined;

/** Keeps approval requests and verdicts. Exactly one of any number of concurrent writes to a version of a record wins. */
export interface ApprovalStore {
  /** @internal Whether it signs what it is given, and ignores what is not signed. */
  readonly signs?: boolean | undefined;
  /** Whether records can be inserted together with a change. @defaultValue false */
  readonly insertsBeside?: boolean | undefined;
  /** The counters of the same tenant, in which changes are counted. A store without them counts nothing together with a change. */
  readonly counters?: CounterStore | undefined;
  /** Called before anything else, if the store has it. */
  open?(): Awaitable<void>;
  /** Called last, if the store has it. */
  close?(): Awaitable<void>;
  /**
   * Inserts a record. Resolves to false where the decisionId is taken, or its agent has taken the idempotency key.
   *
   * @param card what pages show of it, signed; the store makes it where none is given
   * @param beside records of the same tenant that are inserted with it, or not at all; only for a store whose `insertsBeside` is true
   * @param takes what is counted with it, or not at all; only for a store that has {@link counters}
   * @throws TakeRefusedError where that does not fit; then nothing was written
   */
  insert(record: ApprovalRecord, card?: ApprovalCard, beside?: readonly StoredRecord[], takes?: CounterChange): Awaitable<boolean>;
  /** Resolves to the record of that decisionId. */
  get(decisionId: string): Awaitable<ApprovalRecord | undefined>;
  /**
   * Replaces the record if the stored one still is at `version` (compare-and-set). Resolves to whether it did.
   *
   * @param card what pages show of it, signed; the store makes it where none is given
   * @param beside as for {@link insert}
   * @param conditions only for a store whose records have `haltChanges`
   * @param takes as for {@link insert}
   * @throws TakeRefusedError as for {@link insert}
   */
  replace(
    record: ApprovalRecord,
    version: number,
    card?: ApprovalCard,
    beside?: readonly StoredRecord[],
    conditions?: ChangeConditions,
    takes?: CounterChange,
  ): Awaitable<boolean>;
  /** Lists records, oldest first. The order never depends on anything that a caller wrote. */
  list(query: ApprovalQuery): Awaitable<readonly ApprovalRecord[]>;
  /**
   * Counts the pending records of that agent and tool, expired ones included.
   *
   * @param cap counts no further than one more than this
   */
  countPending(agentId: string, toolName: string, cap?: number): Awaitable<number>;
  /** Resolves to the record for which that agent has taken that idempotency key. */
  ofIdempotencyKey?(agentId: string, key: string): Awaitable<ApprovalRecord | undefined>;
  /** Lists cards of records; it reads no bodies. */
  page?(query: ApprovalPageQuery): Awaitable<ApprovalPage>;
  /** Lists the refusals of that tool to that agent from `sinceMs` (epoch milliseconds) on: the newest 1,000, newest last. */
  listDenied(agentId: string, toolName: string, sinceMs: number): Awaitable<readonly ApprovalRecord[]>;
  /**
   * Deletes the records that expired at `endedByMs` (epoch milliseconds) or before, decided or not. Until then they stay, so that none is used or opened
   * twice; but of the records that were used or ended undecided, a store may keep only the newest 10,000. Resolves to how many it deleted.
   */
  prune(endedByMs: number): Awaitable<number>;
  /** Resolves to that page of what has begun. A store has this and {@link replaceBegun}, or neither. */
  begunPage?(page: number): Awaitable<BegunPage | undefined>;
  /** Replaces the record and the page together, if the record still is at `version` and the stored page one version behind, or not there. */
  replaceBegun?(
    record: ApprovalRecord,
    version: number,
    page: BegunPage,
    card?: ApprovalCard,
    beside?: readonly StoredRecord[],
    conditions?: ChangeConditions,
    takes?: CounterChange,
  ): Awaitable<boolean>;
  /** Binds, once in the life of a store, the approvals that an older version has left in it. Called after {@link open}. */
  bindOlder?(bind: BindOlder): Awaitable<void>;
}
