import type { DescribedApproval } from '../../decision/desk/describeApproval.js';
import type { ApprovalQuery, ApprovalRecord } from '../../store/ApprovalStore.js';

/** What a list says of an approval. */
export type ApprovalEntry = Pick<ApprovalRecord, 'decisionId' | 'agentId' | 'toolName' | 'requester' | 'expiresAtMs' | 'reason' | 'status'>;

/** What the person who decides is shown. */
export interface ApprovalView extends ApprovalEntry, DescribedApproval {
  readonly verdicts: NonNullable<DescribedApproval['verdicts']>;
}

/** What was decided, on exactly what was shown. */
interface GivenVerdict {
  readonly digest: string;
  readonly reason: string | undefined;
  /** How many values the person knows to be hidden. */
  readonly acknowledgeHidden: number | undefined;
}

/** The approvals of a tenant, over its store or its server. */
export interface ApprovalAccess {
  /** Oldest first. */
  list(query: ApprovalQuery): Promise<readonly ApprovalEntry[]>;
  get(decisionId: string): Promise<ApprovalView | undefined>;
  /** @throws VerdictError, CliError */
  decide(decisionId: string, approve: boolean, verdict: GivenVerdict): Promise<ApprovalEntry>;
}
