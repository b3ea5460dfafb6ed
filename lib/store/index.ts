// `aegislib/store`: for code that implements a store, and for code that reads tasks and approvals by their types.
export type { Migration, ServerStore, StateStore, TenantStore, TenantStoreOptions } from './StateStore.js';
export type { RecordChange, RecordHead, RecordPage, RecordQuery, RecordStore, SignableRecordStore, StoredRecord } from './RecordStore.js';
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
export type {
  ApprovalCard,
  ApprovalPage,
  ApprovalPageQuery,
  ApprovalPolicy,
  ApprovalQuery,
  ApprovalRecord,
  Assurance,
  ApprovalStore,
  BegunPage,
  BindOlder,
  CardParam,
  CardPolicy,
  RunOutcome,
  Verdict,
  VerdictProof,
} from './ApprovalStore.js';
export type {
  CounterChange,
  CounterState,
  CounterStore,
  CounterTake,
  GiveBack,
  RefusedTake,
  ShownCounter,
  TakeOptions,
  TakeOutcome,
  Takes,
} from './counter/CounterStore.js';
export { MemoryCounterStore } from './counter/MemoryCounterStore.js';
export { TakeRefusedError } from './counter/TakeRefusedError.js';
export { MemoryTaskStore } from './memory/MemoryTaskStore.js';
export { MemoryStateStore } from './memory/MemoryStateStore.js';
export { MemoryApprovalStore } from './memory/MemoryApprovalStore.js';
export type { ChangingCounters } from './memory/MemoryApprovalStore.js';
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
export type { IdempotencyKey } from '../model/Decision.js';
export type { Params, Session } from '../model/Params.js';
export type { Awaitable } from '../common/awaitable.js';
export type { ApprovalTerms, Escalation, GrantCeiling } from '../model/terms/ApprovalTerms.js';
export type { AmendableCall, Amendment, ChangeConditions } from './ApprovalStore.js';
export type { EditedParams } from './TaskStore.js';
export type { KeepingJournal } from './record/EventOutbox.js';
