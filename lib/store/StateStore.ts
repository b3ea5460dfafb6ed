import type { Awaitable } from '../common/awaitable.js';
import type { ApprovalStore } from './ApprovalStore.js';
import type { TaskStore } from './TaskStore.js';

/** A durable store: tasks and approvals in one place. Opening or closing it opens or closes both. */
export interface StateStore {
  /** Where tasks are kept. */
  readonly tasks: TaskStore;
  /** Where approvals are kept. */
  readonly approvals: ApprovalStore;
  /** Makes both ready. */
  open(): Awaitable<void>;
  /** Frees what both hold. */
  close(): Awaitable<void>;
}
