import './common/runtime.js';

// Guarding
export { AegisGuard, LegacyAegisGuard } from './guard/AegisGuard.js';
export { AegisAgent } from './guard/AegisAgent.js';
export type { AegisAgentOptions } from './guard/AegisAgent.js';
export { guard } from './guard/guard.js';
export type { FunctionGuardOptions, GuardedFunction } from './guard/guard.js';
export { guardSync } from './guard/guardSync.js';
export type { SyncGuardOptions } from './guard/guardSync.js';
export { guardCall } from './guard/guardCall.js';
export type { GuardedCall, GuardOutcome } from './guard/call/GuardedCall.js';
export type { GuardOptions } from './guard/GuardOptions.js';
export { assertGuarded, getGuard, listGuards } from './guard/method/guardMetadata.js';
export type { GuardInfo } from './guard/method/guardMetadata.js';
export { currentCall } from './guard/call/callContext.js';
export type { CurrentCall } from './guard/call/callContext.js';

// The module
export { AegisModule } from './guard/module/AegisModule.js';
export type { AegisModuleView } from './guard/module/AegisModule.js';
export type { ProposedCall } from './guard/call/ProposedCall.js';
export type { AegisOptions, ConfigureOptions, EmbeddedOptions, RemoteOptions } from './guard/module/AegisOptions.js';
export type { FactsHook } from './decision/embedded/computeFacts.js';
export type { ApprovalPolling } from './approval/ApprovalSchedulerOptions.js';
export type { RecoveryOptions } from './approval/recovery/RecoveryWorker.js';
export type { ResolveInstance } from './guard/module/StoredCalls.js';

// Decisions
export type { DecisionService } from './decision/DecisionService.js';
export { EmbeddedDecisionService } from './decision/embedded/EmbeddedDecisionService.js';
export { RemoteDecisionService } from './decision/remote/RemoteDecisionService.js';
export type { Decision, DecisionStatus } from './model/Decision.js';
export type { Params, Session } from './model/Params.js';

// Approvals
export { ApprovalDesk } from './decision/desk/ApprovalDesk.js';
export type { VerdictInput } from './decision/desk/verdict.js';
export { terminalApprover } from './decision/terminal/terminalApprover.js';
export type { Approver, TerminalApproverOptions } from './decision/terminal/terminalApprover.js';
export type { ApprovalRecord } from './store/ApprovalStore.js';
export { isPending } from './model/PendingApproval.js';
export type { Guarded, PendingApproval } from './model/PendingApproval.js';
export type { ApprovalMode } from './model/Task.js';

// Tasks
export { ApprovalScheduler } from './approval/ApprovalScheduler.js';
export { TaskRegistry } from './approval/task/TaskRegistry.js';
export type { NewTask, TaskEvents, TaskStats, TaskTransition, UnknownResolution, WaitingForWorker } from './approval/task/TaskRegistry.js';
export type { Task, TaskStatus } from './model/Task.js';
export type { TaskQuery } from './store/TaskStore.js';

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
export { ConfigError, GuardDefinitionError, TaskStateError, VerdictError } from './model/errors/SetupErrors.js';
export type { Diagnostic } from './model/diagnostics.js';

// What options and fields are made of
export { SecretString } from './common/SecretString.js';
export { ConsoleLogger } from './common/Logger.js';
export type { Logger, LogLevel } from './common/Logger.js';
