import { SecretString } from '../../common/SecretString.js';
import type { ApprovalStore } from '../../store/ApprovalStore.js';
import type { OutboxPlace } from '../../store/record/EventOutbox.js';
import { LazySqliteStore } from '../../store/sqlite/LazySqliteStore.js';
import { MemoryApprovalStore } from '../../store/memory/MemoryApprovalStore.js';
import { MemoryTaskStore } from '../../store/memory/MemoryTaskStore.js';
import { SignedApprovalStore } from '../../store/SignedApprovalStore.js';
import type { TaskStore } from '../../store/TaskStore.js';
import type { SignableRecordStore } from '../../store/RecordStore.js';
import type { ServerStore } from '../../store/StateStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import type { AegisOptions } from './AegisOptions.js';

/** The stores of a module. */
export interface ModuleStores {
  readonly tasks: TaskStore;
  readonly approvals: ApprovalStore;
  /** What else is kept with the tasks; nothing where the store keeps only tasks and approvals. */
  readonly records: (() => SignableRecordStore) | undefined;
  /** Where a journal keeps what it has still to write of the approvals; `undefined` where they are not kept in a durable store with other records. */
  readonly outbox: OutboxPlace | undefined;
}

/** Makes the stores that the options name. Approvals are kept beside tasks, unless they have a store of their own. */
export function storesOf({ store, approvalStore, stateKey }: AegisOptions): ModuleStores {
  const given = typeof store === 'string' ? new LazySqliteStore(store) : store;
  const state = given !== undefined && 'tasks' in given ? given : undefined;
  const rows = state?.forTenant === undefined ? undefined : (): SignableRecordStore => recordsOf(state as ServerStore);
  const approvals = approvalStore ?? state?.approvals ?? new MemoryApprovalStore();
  const key = stateKey === undefined ? undefined : secretOf(stateKey);
  const place = { records: () => state?.forTenant?.(DEFAULT_TENANT).records, stateKey: key };
  return {
    tasks: state?.tasks ?? (given as TaskStore | undefined) ?? new MemoryTaskStore(),
    records: rows,
    approvals: key === undefined ? approvals : new SignedApprovalStore(approvals, key),
    outbox: approvalStore === undefined && state?.tasks.durable === true ? place : undefined,
  };
}

function recordsOf(state: ServerStore): SignableRecordStore {
  return state.forTenant(DEFAULT_TENANT).records;
}

/** @internal */
export function secretOf(key: string | SecretString): SecretString {
  return typeof key === 'string' ? new SecretString(key) : key;
}
