import { SecretString } from '../../common/SecretString.js';
import { RecoveryWorker } from '../../approval/recovery/RecoveryWorker.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { ApprovalStore } from '../../store/ApprovalStore.js';
import { LazySqliteStore } from '../../store/sqlite/LazySqliteStore.js';
import { MemoryApprovalStore } from '../../store/memory/MemoryApprovalStore.js';
import { MemoryTaskStore } from '../../store/memory/MemoryTaskStore.js';
import { SignedApprovalStore } from '../../store/SignedApprovalStore.js';
import type { TaskStore } from '../../store/TaskStore.js';
import type { AegisOptions } from './AegisOptions.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { onNewInstance } from '../method/GuardBinding.js';
import { StoredCalls } from './StoredCalls.js';

/** The stores of a module. */
export interface ModuleStores {
  readonly tasks: TaskStore;
  readonly approvals: ApprovalStore;
}

/** Makes the stores that the options name. Approvals are kept beside tasks, unless they have a store of their own. */
export function storesOf({ store, approvalStore, stateKey }: AegisOptions): ModuleStores {
  const given = typeof store === 'string' ? new LazySqliteStore(store) : store;
  const state = given !== undefined && 'tasks' in given ? given : undefined;
  const approvals = approvalStore ?? state?.approvals ?? new MemoryApprovalStore();
  return {
    tasks: state?.tasks ?? (given as TaskStore | undefined) ?? new MemoryTaskStore(),
    approvals: stateKey === undefined ? approvals : new SignedApprovalStore(approvals, secretOf(stateKey)),
  };
}

/** Makes the worker that recovers tasks of a durable store. */
export function keepStore(
  { resolve, recovery, keepAlive }: AegisOptions,
  runtime: GuardRuntime,
  desk: ApprovalDesk | undefined,
  pollMs: number,
): RecoveryWorker {
  const { tasks: registry, scheduler, decisions } = runtime;
  const restorer = new StoredCalls(() => runtime, resolve);
  registry.retryWith((task) => restorer.retry(task));
  const onApproval = desk && (async (decisionId: string): Promise<void> => desk.onChange(decisionId));
  const keeper = new RecoveryWorker({ ...recovery, registry, scheduler, decisions, restorer, pollMs, keepAlive, onApproval });
  desk?.on('settled', keeper.decided);
  keeper.whenStopped(onNewInstance(() => void keeper.scan()));
  return keeper;
}

function secretOf(key: string | SecretString): SecretString {
  return typeof key === 'string' ? new SecretString(key) : key;
}
