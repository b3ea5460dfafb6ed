import type { GrantProposal } from '../../model/terms/GrantProposal.js';
import type { EditInput, ParamsEdit } from '../../decision/amend/ParamsEdit.js';
import type { DescribedApproval } from '../../decision/desk/describeApproval.js';
import type { GrantInput, GrantLoosening } from '../../model/terms/Grant.js';
import type { ParamChange } from '../../model/snapshot/paramChanges.js';
import type { ApprovalQuery, ApprovalRecord } from '../../store/ApprovalStore.js';

/** What a list says of an approval. */
export type ApprovalEntry = Pick<ApprovalRecord, 'decisionId' | 'agentId' | 'toolName' | 'requester' | 'expiresAtMs' | 'reason' | 'status'>;

/** What the person who decides is shown. */
export interface ApprovalView extends ApprovalEntry, DescribedApproval {
  readonly verdicts: NonNullable<DescribedApproval['verdicts']>;
  /** JSON pointers of the params that may be edited. */
  readonly editable: readonly string[];
}

/** An approval as an edit would make it. Nothing of it is recorded. */
export interface PreviewedEdit {
  /** As the person who decides is shown it. Its digest is that of the edited params. */
  readonly view: ApprovalView;
  /** Names the policies that would ask. */
  readonly asking: string;
  /** Ids of the policies that would ask besides those that ask now. */
  readonly added: readonly string[];
  /** Where the params that would run differ from those that are asked about now. */
  readonly changes: readonly ParamChange[];
  /** Why a yes of the operator would not count for it. */
  readonly whyNot: string | undefined;
}

/** What is said of an approval: a yes, a no, or an edit without either. */
export type Act = 'approve' | 'deny' | 'amend';

/** What was decided, on exactly what was shown. */
export interface GivenVerdict {
  readonly digest: string;
  readonly reason: string | undefined;
  /** How many values the person knows to be hidden. */
  readonly acknowledgeHidden: number | undefined;
  /** Changes of the params, with what of their preview was shown. */
  readonly edit?: EditInput | undefined;
  /** A grant that is made with the yes. */
  readonly grant?: GrantInput | undefined;
}

/** The approvals of a tenant, over its store or its server. */
export interface ApprovalAccess {
  /** Oldest first. */
  list(query: ApprovalQuery): Promise<readonly ApprovalEntry[]>;
  get(decisionId: string): Promise<ApprovalView | undefined>;
  /** @throws VerdictError, CliError */
  preview(shown: ApprovalView, edit: ParamsEdit): Promise<PreviewedEdit>;
  /** @param loosening what the grant loosens, for what it would have covered @throws VerdictError, CliError */
  propose(decisionId: string, loosening: GrantLoosening): Promise<GrantProposal>;
  /** @throws VerdictError, CliError */
  decide(decisionId: string, act: Act, verdict: GivenVerdict): Promise<ApprovalEntry>;
}
