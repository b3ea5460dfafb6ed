import type { Awaitable } from '../common/awaitable.js';
import type { Capability } from '../model/Capability.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../model/Decision.js';
import type { Params } from '../model/Params.js';
import type { RunOutcome } from '../store/ApprovalStore.js';

/** What a stream of statuses gives: a status, or `resync` where some may be missing, so that everything that is waited for is asked about once. */
export type WatchedStatus = DecisionStatus | 'resync';

/** Options of one request to a decision service. */
export interface AskOptions {
  /** Aborts the request. An aborted request gives no decision. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a request about an approval. */
export interface ApprovalOptions extends AskOptions {
  /** What the service said, with the approval, that it does for it; absent where it did not say. */
  readonly offers?: readonly Capability[] | undefined;
}

/** Options of {@link DecisionService.reevaluate}. */
export interface ReevaluateOptions extends ApprovalOptions {
  /** Identifies the request: the same again is the same request, which opens no second approval. */
  readonly idempotencyKey?: string | undefined;
}

/** The call that an approval is said to be for. */
export interface ApprovedCall {
  /** The approval. */
  readonly decisionId: string;
  /** SHA-256 of the effective params that would run, as 64 hex digits. */
  readonly digest: string;
  /** The call's `bindingBase`, as in the request that the approval was opened for. */
  readonly bindingBase: string;
}

/** An approval that is about to be used. */
export interface ApprovalUse extends ApprovedCall {
  /** Identifies the task that uses the approval. The same token again is the same use: its process may have died before it began. */
  readonly token: string;
  /** The effective params themselves, for a service that knows them in another form. */
  readonly params?: Params | undefined;
  /** What the service said, with the approval, that it does for it. */
  readonly offers?: readonly Capability[] | undefined;
}

/** A method that is about to be entered under a used approval. */
export interface ExecutionStart {
  /** The approval. */
  readonly decisionId: string;
  /** The token that it was used with. */
  readonly token: string;
  /** Identifies the claim on the task: one execution. The same claim again is the same execution, whose method was not entered. */
  readonly claimToken: string;
}

/** How the run under a used approval ended. */
export interface RunReport extends Pick<RunOutcome, 'status' | 'errorCode'> {
  /** The approval. */
  readonly decisionId: string;
  /** The token that it was used with. */
  readonly token: string;
}

/**
 * Decides guarded calls: the policy decision point (PDP). Implement `decide` and `status`; the other methods are optional and make approvals faster
 * (push) or stronger (consume). A service that throws, or whose answer is not a valid decision, denies the call. To wrap a service, use
 * `forwardingService`, which drops none of its methods.
 */
export interface DecisionService {
  /**
   * What the service does for every approval, where it does the rest only for those with which it offered it. Without this it does for each approval all that
   * it has a method for. Asked whenever a call is about to run.
   */
  requires?(): readonly Capability[];
  /**
   * Decides one call. Answer synchronously where you can: the guard then adds no tick to the call.
   *
   * @returns the decision
   */
  decide(request: DecisionRequest, options: AskOptions): Awaitable<Decision>;
  /**
   * Decides one call without opening an approval, and uses nothing up: what `decide` would answer. Without it `aegis.decide()` calls `decide`, and
   * withdraws the approval that it opens.
   *
   * @returns the decision
   */
  dryRun?(request: DecisionRequest, options: AskOptions): Awaitable<Decision>;
  /**
   * Reads the status of an approval.
   *
   * @returns the status
   */
  status(decisionId: string, options: ApprovalOptions): Awaitable<DecisionStatus>;
  /**
   * Reads the status of many approvals at once.
   *
   * @returns the statuses in the order of `decisionIds`
   */
  statuses?(decisionIds: readonly string[], options: AskOptions): Awaitable<readonly DecisionStatus[]>;
  /**
   * Pushes statuses as they change; while it runs, nothing is polled. A stream that ends is started again after a while where the service offers `events`
   * with its approvals. What {@link DecisionService.withdraw} ends need not be pushed.
   *
   * @param signal ends the stream
   */
  watch?(signal: AbortSignal): AsyncIterable<WatchedStatus>;
  /**
   * Decides the original call again just before an approved one runs, counting the verdicts on `decisionId`.
   *
   * @returns the decision; `approval_needed` demands a new approval, under the new decisionId
   */
  reevaluate?(request: DecisionRequest, decisionId: string, options: ReevaluateOptions): Awaitable<Decision>;
  /**
   * Says whether the approval was given for exactly this call. Asked before a call that was read from a durable store is decided again, so that one which
   * was changed there is refused and not asked about. Answers true for an approval that it does not know.
   *
   * @returns false where the approval is for another call, or was not given
   */
  verify?(call: ApprovedCall): Awaitable<boolean>;
  /**
   * Uses the approval up, at most once ever.
   *
   * @returns false where it is not approved, was already used, has expired, or is for another call: other params, or another `bindingBase`
   */
  consume?(use: ApprovalUse): Awaitable<boolean>;
  /**
   * Records which claim begins, after a task was claimed and before its method is entered. A task that finds that another claim has begun becomes
   * `unknown`, unless its guard says `idempotent`.
   *
   * @returns false where another claim has begun already
   */
  begin?(start: ExecutionStart): Awaitable<boolean>;
  /**
   * Tells the service how the run under an approval ended, for people to see. The run is over: nothing waits for this, and what fails here changes nothing.
   * The first word stands, but for `unknown`, which a later one replaces.
   */
  reportOutcome?(report: RunReport): Awaitable<void>;
  /**
   * Gives back what a call was counted for that was allowed at once and whose method was surely not entered. Called where the decision names `limits`. What
   * fails here changes nothing: the call then stays counted.
   */
  release?(decisionId: string): Awaitable<void>;
  /**
   * Whether people may edit the params of its approvals. Then the status of an approved call has `params` and `digest` where somebody did, and the call runs
   * with those. Params of a service without this are refused.
   */
  amends?(): boolean;
  /** Tells the service that the caller no longer wants the approval. */
  withdraw?(decisionId: string, options?: ApprovalOptions): Awaitable<void>;
  /** Tells the service that the caller's deadline for the approval has passed. */
  expire?(decisionId: string, options?: ApprovalOptions): Awaitable<void>;
  /** Settles when the service can answer requests; guarded calls wait for it. */
  ready?(): Awaitable<void>;
  /** Releases everything that the service holds open. */
  close?(): Awaitable<void>;
}
