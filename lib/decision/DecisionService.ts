import type { Awaitable } from '../common/awaitable.js';
import type { Decision, DecisionRequest, DecisionStatus } from '../model/Decision.js';

/** Options of one question to a decision service. */
export interface AskOptions {
  /** Aborts the question. An aborted question is no decision. */
  readonly signal?: AbortSignal | undefined;
}

/** An approval that is about to be used. */
export interface ApprovalUse {
  /** The approval that is used up. */
  readonly decisionId: string;
  /** SHA-256 of the effective params that would run. */
  readonly digest: string;
  /** Names the task that uses it. The same token again is the same use: its process may have died before it began. */
  readonly token: string;
}

/**
 * Answers guarded calls: the policy decision point (PDP). Implement `decide` and `status`; the rest is optional and makes approvals
 * prompter (push) or stronger (consume). A service that throws, or answers something that is no decision, denies the call.
 */
export interface DecisionService {
  /** Decides one call. Answer at once where you can: the guard then adds no tick. */
  decide(request: DecisionRequest, options: AskOptions): Awaitable<Decision>;
  /** Where an approval stands. */
  status(decisionId: string, options: AskOptions): Awaitable<DecisionStatus>;
  /** Many at once, for services that offer it; same order as asked. */
  statuses?(decisionIds: readonly string[], options: AskOptions): Awaitable<readonly DecisionStatus[]>;
  /** Pushes statuses as they change; while it runs, nothing is polled. */
  watch?(signal: AbortSignal): AsyncIterable<DecisionStatus>;
  /**
   * Decides the original call afresh just before an approved one runs, counting the verdicts on `decisionId`. `approval_needed` means that a
   * person has to be asked again, under the new decisionId.
   */
  reevaluate?(request: DecisionRequest, decisionId: string, options: AskOptions): Awaitable<Decision>;
  /** Uses the approval up, once, ever. Resolves to false where it is not approved, used already, expired, or for other params. */
  consume?(use: ApprovalUse): Awaitable<boolean>;
  /** The caller no longer wants the approval. */
  withdraw?(decisionId: string): Awaitable<void>;
  /** The caller's deadline for the approval has passed. */
  expire?(decisionId: string): Awaitable<void>;
  /** Settles when the first question can be asked; guarded calls wait for it. */
  ready?(): Awaitable<void>;
  /** Ends everything the service holds open. */
  close?(): Awaitable<void>;
}
