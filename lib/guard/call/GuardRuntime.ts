import type { Awaitable } from '../../common/awaitable.js';
import type { Logger } from '../../common/Logger.js';
import type { ApprovalScheduler } from '../../approval/ApprovalScheduler.js';
import type { TaskRegistry } from '../../approval/task/TaskRegistry.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { Journal } from '../../model/Journal.js';
import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';
import type { HaltedCalls } from '../halt/HaltedCalls.js';

/**
 * A named step of the entry gate, beside those that are built in. It can stop a call, or replace what the caller gets of it; it cannot start one.
 */
export interface EntryStep {
  readonly name: string;
  /** Asked last, in the tick of the entry. An error that it returns stops the call. What it throws stops the call too. */
  stop?(call: CallIdentity): Error | undefined;
  /** Gets what the method returned, once that is settled, and returns what the caller gets instead. */
  replace?(call: CallIdentity, result: unknown): unknown;
}

/** Which call passes the gate. */
export interface CallIdentity {
  readonly agentId: string;
  readonly toolName: string;
  readonly decisionId: string;
  /** The task of an approved call. */
  readonly taskId: string | undefined;
}

/** What a guarded call needs of its module. */
export interface GuardRuntime {
  readonly decisions: DecisionService;
  readonly tasks: TaskRegistry;
  readonly scheduler: ApprovalScheduler;
  /** How many calls are pending for each guard. Looked up before every decision, so it is a field. */
  readonly openByGuard: ReadonlyMap<object, number>;
  /** Whether tasks are kept in a durable store. */
  readonly durable: boolean;
  readonly journal: Journal | undefined;
  /** Says which calls are halted, once there can be a halt. */
  readonly halts: HaltedCalls;
  /** Further steps of the entry gate, in their order. */
  readonly steps: EntryStep[];
  readonly limits: SnapshotLimits;
  readonly agentId: string | undefined;
  readonly approvalTimeoutMs: number;
  readonly asyncLocal: boolean;
  readonly onUnguardedOverride: 'throw' | 'warn' | 'ignore';
  readonly logger: Logger;
  /** Whether decisions are logged. */
  readonly debug: boolean;
  /** Set until the stores are open; calls wait for it. */
  opening: Awaitable<void> | undefined;
  closed: boolean;
}

const runtimes = new WeakMap<object, GuardRuntime>();
let current: object | undefined;

/** @internal Lets guards find a runtime by a module, or by a view of one. */
export function bindRuntime(handle: object, runtime: GuardRuntime): void {
  runtimes.set(handle, runtime);
}

/** @internal @throws ConfigError for an object that is not a module */
export function runtimeOf(handle: object): GuardRuntime {
  const runtime = runtimes.get(handle);
  if (runtime !== undefined) return runtime;
  throw new ConfigError([
    { where: 'module', message: 'is not a module of this copy of aegislib; give what AegisModule.configure() or create() returned.' },
  ]);
}

/** @internal */
export function currentHandle(): object | undefined {
  return current;
}

/** @internal */
export function setCurrentHandle(handle: object | undefined): void {
  current = handle;
}

/** @internal @throws ConfigError before configure() */
export function currentRuntime(): GuardRuntime {
  if (current !== undefined) return runtimeOf(current);
  throw new ConfigError([
    { where: 'AegisModule', message: 'is not configured; call AegisModule.configure() before the first guarded call.' },
  ]);
}
