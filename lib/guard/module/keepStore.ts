import { RecoveryWorker } from '../../approval/recovery/RecoveryWorker.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import type { AegisOptions } from './AegisOptions.js';
import { StoredCalls } from './StoredCalls.js';

/** What recovers the tasks of a durable store. */
export interface StoreKeeping {
  readonly worker: RecoveryWorker;
  readonly restorer: StoredCalls;
}

/** Makes the worker that recovers tasks of a durable store. */
export function keepStore(
  { resolve, recovery, keepAlive }: AegisOptions,
  runtime: GuardRuntime,
  desk: ApprovalDesk | undefined,
  pollMs: number,
  onHalt: () => Promise<void>,
): StoreKeeping {
  const { tasks: registry, scheduler, decisions } = runtime;
  const restorer = new StoredCalls(() => runtime, resolve);
  const onApproval = desk && (async (decisionId: string): Promise<void> => desk.onChange(decisionId));
  const options = { ...recovery, registry, scheduler, decisions, restorer, pollMs, keepAlive, onApproval, onHalt };
  const worker = new RecoveryWorker({ ...options, polls: desk === undefined });
  // a desk in this process says so itself
  if (desk === undefined) scheduler.onUnheld = worker.decided;
  return { worker, restorer };
}
