import type { Awaitable } from '../../common/awaitable.js';
import type { GrantInput, GrantLoosening } from '../../model/terms/Grant.js';
import type { GrantProposal } from '../../model/terms/GrantProposal.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { VerdictStress } from './assurance.js';
import type { Giver } from './eligibility.js';

/** Who gives a yes that is to count for later calls too. */
export interface GrantGiver {
  readonly giver: Giver;
  readonly reason: string | undefined;
  readonly stress: VerdictStress;
  /** The passkey that signs it. */
  readonly credential: string | undefined;
}

/** A grant that can be made once the yes is recorded. */
export interface PreparedGrant {
  readonly id: string;
  /** SHA-256 of all that it says. */
  readonly digest: string;
  /** @throws VerdictError 503 `grant_not_made` */
  make(): Promise<void>;
}

/** Makes grants for a desk. */
export interface GrantMaker {
  /**
   * Checks a grant that somebody wants to make with a yes.
   *
   * @throws VerdictError 400 `invalid_grant`, 403 `not_grantable`, `not_an_approver`, `self_approval`, `assurance_too_low`, 409 `grants_unavailable`
   */
  prepare(record: ApprovalRecord, input: GrantInput, by: GrantGiver): Promise<PreparedGrant>;
  /**
   * What a grant made with this approval could be, and what it would have covered.
   *
   * @throws VerdictError 404 `approval_not_found`, 400 `invalid_grant`
   */
  propose(decisionId: string, loosening: GrantLoosening): Promise<GrantProposal>;
  /** SHA-256 of all that a grant says, for what is signed. @throws VerdictError as {@link prepare} */
  digestOf(record: ApprovalRecord, input: GrantInput): Promise<string>;
  /** Whether the grant that comes with the yes on an approval was stored, also where it is over by now. */
  isMade(decisionId: string): Awaitable<boolean>;
  /** A person refuses this call: grants that would cover it are taken back. @throws the store's error: then some may be in force */
  refused(record: ApprovalRecord, by: string): Awaitable<void>;
}
