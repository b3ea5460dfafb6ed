import type { Awaitable } from '../../common/awaitable.js';
import type { Logger } from '../../common/Logger.js';
import type { ApprovalScheduler } from '../../approval/ApprovalScheduler.js';
import type { TaskRegistry } from '../../approval/task/TaskRegistry.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { SnapshotLimits } from '../../model/snapshot/takeSnapshot.js';

/** What a guarded call needs of its module. */
export interface GuardRuntime {
  readonly decisions: DecisionService;
  readonly tasks: TaskRegistry;
  readonly scheduler: ApprovalScheduler;
  readonly limits: SnapshotLimits;
  readonly agentId: string | undefined;
  readonly approvalTimeoutMs: number;
  /** Whether a null among params is refused where the guard has no schema: policies see it as absent. */
  readonly refuseNull: boolean;
  readonly asyncLocal: boolean;
  readonly onUnguardedOverride: 'throw' | 'warn' | 'ignore';
  readonly logger: Logger;
  /** Whether decisions are worth logging. */
  readonly debug: boolean;
  /** Set until what the module opens is open; calls wait for it. */
  opening: Awaitable<void> | undefined;
  closed: boolean;
}

const runtimes = new WeakMap<object, GuardRuntime>();
let current: object | undefined;

/** @internal Makes an object stand for a runtime. */
export function bindRuntime(handle: object, runtime: GuardRuntime): void {
  runtimes.set(handle, runtime);
}

/** @internal @throws ConfigError for an object that is no module */
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
