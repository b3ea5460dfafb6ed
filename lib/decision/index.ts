// `aegislib/decision`: for code that implements or wraps a decision service, a desk or an approver.
export type {
  ApprovalOptions,
  ApprovalUse,
  ApprovedCall,
  AskOptions,
  DecisionService,
  ExecutionStart,
  ReevaluateOptions,
  WatchedStatus,
  RunReport,
} from './DecisionService.js';
export { forwardingService } from './forwardingService.js';
export type {
  AllowDecision,
  ApprovalNeededDecision,
  Decision,
  DecisionRequest,
  DecisionStatus,
  DenyDecision,
  Effect,
  SanitizeDecision,
  ObservedPolicy,
  Violation,
} from '../model/Decision.js';
export type { DenialCode } from '../model/terms/DenialCode.js';
export type { Capability } from '../model/Capability.js';
export type { Params, Session } from '../model/Params.js';
export { EmbeddedDecisionService } from './embedded/EmbeddedDecisionService.js';
export type { CountersOptions, EmbeddedDecisionServiceOptions, PolicySupplier } from './embedded/EmbeddedDecisionServiceOptions.js';
export type { FactsCall, FactsHook } from './embedded/computeFacts.js';
export { RemoteDecisionService } from './remote/RemoteDecisionService.js';
export type { DataPlaneRequirements, RemoteDecisionServiceOptions } from './remote/remoteSettings.js';
export { ApprovalDesk } from './desk/ApprovalDesk.js';
export type { ApprovalDeskOptions, DeskEvents } from './desk/ApprovalDeskOptions.js';
export { Grants } from './grant/Grants.js';
export type { Limits } from './limit/Limits.js';
export type { LimitState } from './limit/LimitState.js';
export type { GrantsOptions } from './grant/Grants.js';
export type { GrantQuery } from './grant/GrantRows.js';
export type { GrantHistory, GrantProposal, ProposedValue, RefusedBefore } from '../model/terms/GrantProposal.js';
export type { Grant, GrantAct, GrantInput, GrantLoosening, GrantRevocation, GrantScope } from '../model/terms/Grant.js';
export type { GrantTerm, GrantTerms, GrantValue } from '../model/terms/GrantTerm.js';
export { describeApproval } from './desk/describeApproval.js';
export type { DescribedApproval } from './desk/describeApproval.js';
export type { Directory, DirectoryPerson } from './desk/Directory.js';
export type { StandingVerdict, VerdictStatus } from '../model/errors/SetupErrors.js';
export type { EligibilityRules } from './desk/eligibility.js';
export type { VerdictInput } from './desk/verdict.js';
export type { Approver, Terminal, TerminalApproverOptions } from './terminal/terminalApprover.js';
export { DEFAULT_LIMITS } from '../model/snapshot/takeSnapshot.js';
export type { SnapshotLimits } from '../model/snapshot/takeSnapshot.js';
export type { ForbiddenErrorOptions } from '../model/errors/RefusalErrors.js';
export type { ServiceErrorOptions, UnbelievableReason } from '../model/errors/ServiceErrors.js';
export type { Awaitable } from '../common/awaitable.js';
export type { SteadyClock } from '../common/time/SteadyClock.js';
export type { EditInput, ParamsEdit } from './amend/ParamsEdit.js';
export type { EditedApproval } from './desk/DeskEdits.js';
export type { EditPreview } from './desk/DeskVerdicts.js';
export type { ViewerStanding } from './desk/ViewerStanding.js';
export type { VerdictNeeds } from './desk/assurance.js';
export type { ViewedSeats } from './desk/quorum/viewedSeats.js';
export type { AmendInput } from './desk/verdict.js';
export type { ApprovalPreview, PreviewFailure, PreviewOutcome } from '../model/preview/CallPreview.js';
export type { ParamChange } from '../model/snapshot/paramChanges.js';
