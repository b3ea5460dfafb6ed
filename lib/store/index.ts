// `aegislib/store`: for code that implements a store, and for code that reads tasks and approvals by their types.
export type { StateStore } from './StateStore.js';
export type {
  DueQuery,
  DuplicateCallQuery,
  PruneLimits,
  StoreChange,
  SweptTasks,
  TaskChange,
  TaskClaim,
  TaskInsertion,
  TaskOutcome,
  TaskQuery,
  TaskStore,
  TaskSummary,
} from './TaskStore.js';
export type { ApprovalPolicy, ApprovalQuery, ApprovalRecord, ApprovalStore, BegunPage, BindOlder, Verdict } from './ApprovalStore.js';
export { MemoryTaskStore } from './memory/MemoryTaskStore.js';
export { MemoryApprovalStore } from './memory/MemoryApprovalStore.js';
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
} from '../model/Task.js';
export type { ErrorSummary } from '../model/AegisError.js';
export type { Params, Session } from '../model/Params.js';
export type { Awaitable } from '../common/awaitable.js';
