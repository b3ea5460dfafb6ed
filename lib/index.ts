import './common/runtime.js';

// Guarding
export { AegisGuard, LegacyAegisGuard } from './guard/AegisGuard.js';
export type { GuardDecorator, LegacyGuardDecorator } from './guard/AegisGuard.js';
export { AegisAgent } from './guard/AegisAgent.js';
export type { AegisAgentOptions } from './guard/AegisAgent.js';
export { guard } from './guard/guard.js';
export type { FunctionGuardOptions, GuardedFunction } from './guard/guard.js';
export { guardSync } from './guard/guardSync.js';
export type { SyncGuardOptions } from './guard/guardSync.js';
export { assertGuarded, getGuard, listGuards } from './guard/method/guardMetadata.js';
export type { GuardInfo } from './guard/method/guardMetadata.js';
export { currentCall } from './guard/call/callContext.js';
export type { CurrentCall } from './guard/call/callContext.js';
export { guardCall } from './guard/guardCall.js';
export type { DeniedOutcome, GuardedCall, GuardOutcome, PendingOutcome, RanOutcome } from './guard/call/GuardedCall.js';
export type { ApprovalOption, BaseGuardOptions, Fn, Guardable, GuardOptions, Settled } from './guard/GuardOptions.js';
export type { NamesFor, NamingOptions } from './guard/NamingOptions.js';
export type { StandardResult, StandardSchema } from './guard/call/StandardSchema.js';

// The module
export { AegisModule } from './guard/module/AegisModule.js';
export type { AegisModuleView } from './guard/module/AegisModule.js';
export type { AegisOptions, ConfigureOptions, EmbeddedOptions, RemoteOptions } from './guard/module/AegisOptions.js';

// Decisions
export type { ApprovalUse, AskOptions, DecisionService } from './decision/DecisionService.js';
export { EmbeddedDecisionService } from './decision/embedded/EmbeddedDecisionService.js';
export type { EmbeddedDecisionServiceOptions, PolicySupplier } from './decision/embedded/EmbeddedDecisionService.js';
export { RemoteDecisionService } from './decision/remote/RemoteDecisionService.js';
export type { RemoteDecisionServiceOptions } from './decision/remote/remoteSettings.js';
export type { FactsCall, FactsHook } from './decision/embedded/computeFacts.js';
export type {
  AllowDecision,
  ApprovalNeededDecision,
  Decision,
  DecisionRequest,
  DecisionStatus,
  DenyDecision,
  Effect,
  SanitizeDecision,
  Violation,
} from './model/Decision.js';
export type { Params, Session } from './model/Params.js';
export { DEFAULT_LIMITS } from './model/snapshot/takeSnapshot.js';
export type { SnapshotLimits } from './model/snapshot/takeSnapshot.js';

// Approvals
export { ApprovalDesk } from './decision/desk/ApprovalDesk.js';
export type { ApprovalDeskOptions } from './decision/desk/ApprovalDesk.js';
export type { EligibilityRules } from './decision/desk/eligibility.js';
export type { VerdictInput } from './decision/desk/verdict.js';
export { describeApproval } from './decision/desk/describeApproval.js';
export { terminalApprover } from './decision/terminal/terminalApprover.js';
export type { Approver, Terminal, TerminalApproverOptions } from './decision/terminal/terminalApprover.js';
export { isPending } from './model/PendingApproval.js';
export type { Guarded, PendingApproval } from './model/PendingApproval.js';
export { ApprovalScheduler } from './approval/ApprovalScheduler.js';
export type { ApprovalPolling, ApprovalSchedulerOptions } from './approval/ApprovalSchedulerOptions.js';
export type { ApprovalCall } from './approval/call/PendingCall.js';
export { TaskRegistry } from './approval/task/TaskRegistry.js';
export type {
  NewTask,
  TaskEvents,
  TaskRegistryOptions,
  TaskStats,
  TaskTransition,
  UnknownResolution,
  WaitingForWorker,
} from './approval/task/TaskRegistry.js';
export type { RecoveryOptions } from './approval/recovery/RecoveryWorker.js';
export type { ResolveInstance } from './guard/module/StoredCalls.js';
export type {
  ApprovalMode,
  ApprovedTask,
  CancelledTask,
  CompletedTask,
  DeniedTask,
  ExecutingTask,
  FailedTask,
  PendingTask,
  Task,
  TaskFields,
  TaskOrigin,
  TaskResolution,
  TaskStatus,
  TimeoutTask,
  UnknownTask,
} from './model/Task.js';

// Stores
export { MemoryTaskStore } from './store/memory/MemoryTaskStore.js';
export type {
  DueQuery,
  DuplicateCallQuery,
  StoreChange,
  SweptTasks,
  TaskChange,
  TaskClaim,
  TaskInsertion,
  TaskOutcome,
  TaskQuery,
  TaskStore,
} from './store/TaskStore.js';
export type { StateStore } from './store/StateStore.js';
export { MemoryApprovalStore } from './store/memory/MemoryApprovalStore.js';
export type { ApprovalPolicy, ApprovalQuery, ApprovalRecord, ApprovalStore, Verdict } from './store/ApprovalStore.js';

// Policies
export { ReloadablePolicies } from './policy/live/ReloadablePolicies.js';
export type { ReloadablePoliciesOptions, PendingReload, ReloadResult } from './policy/live/ReloadablePolicies.js';
export { CedarPolicyEngine } from './policy/engine/CedarPolicyEngine.js';
export type { CedarPolicyEngineOptions } from './policy/engine/CedarPolicyEngine.js';
export type { AgentConfig } from './policy/engine/AgentDirectory.js';
export type { AppliedPolicy, DenyCode, PolicyCall, PolicyEngine, PolicyOutcome } from './policy/PolicyEngine.js';
export type { PolicySource, SourceText } from './policy/PolicySource.js';
export { readPolicies } from './policy/live/readPolicies.js';
export { lintPolicies } from './policy/lint/lintPolicies.js';
export type { LintPoliciesOptions } from './policy/lint/lintPolicies.js';
export type { LintFinding } from './policy/lint/lintSources.js';
export { runPolicyTests } from './policy/engine/runPolicyTests.js';
export type { PolicyTestResult } from './policy/engine/runPolicyTests.js';

// Errors
export { AegisError } from './model/AegisError.js';
export type { ErrorSummary } from './model/AegisError.js';
export { CapacityError, ParamsError, SanitizeError, UnsupportedParamError } from './model/errors/CallErrors.js';
export {
  ApprovalCancelledError,
  ApprovalPendingError,
  ApprovalTimeoutError,
  CallAbortedError,
  ForbiddenError,
  OutcomeUnknownError,
  ShutdownError,
} from './model/errors/RefusalErrors.js';
export type { ForbiddenErrorOptions } from './model/errors/RefusalErrors.js';
export {
  AuthError,
  BadRequestError,
  DecisionUnavailableError,
  NotFoundError,
  PolicyEvalError,
  StoreError,
  TimeoutError,
  TransportError,
  UnknownServiceError,
} from './model/errors/ServiceErrors.js';
export type { ServiceErrorOptions, UnbelievableReason } from './model/errors/ServiceErrors.js';
export { ConfigError, GuardDefinitionError, TaskStateError, VerdictError } from './model/errors/SetupErrors.js';
export type { ConfigProblem } from './model/errors/SetupErrors.js';
export type { Diagnostic } from './model/diagnostics.js';

// Small parts that options and fields are made of
export { SecretString } from './common/SecretString.js';
export { ConsoleLogger } from './common/Logger.js';
export type { Logger, LogLevel } from './common/Logger.js';
export type { Awaitable } from './common/awaitable.js';
