import type { Awaitable } from '../common/awaitable.js';
import type { ApprovalStore } from './ApprovalStore.js';
import type { TaskStore } from './TaskStore.js';

/** A durable store: tasks and approvals in one place. Opening or closing it opens or closes both. */
export interface StateStore {
  readonly tasks: TaskStore;
  readonly approvals: ApprovalStore;
  open(): Awaitable<void>;
  close(): Awaitable<void>;
}
