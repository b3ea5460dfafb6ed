import { ApprovalScheduler } from '../../lib/approval/ApprovalScheduler.js';
import type { ApprovalPolling, ApprovalSchedulerOptions } from '../../lib/approval/ApprovalSchedulerOptions.js';
import type { HeldApproval, PendingCall } from '../../lib/approval/call/PendingCall.js';
import { TaskRegistry } from '../../lib/approval/task/TaskRegistry.js';
import type { TaskRegistryOptions, TaskTransition } from '../../lib/approval/task/TaskRegistry.js';
import type { DecisionService } from '../../lib/decision/DecisionService.js';
import type { Params } from '../../lib/model/Params.js';
import type { PendingApproval } from '../../lib/model/PendingApproval.js';
import type { PendingTask } from '../../lib/model/Task.js';
import { MemoryTaskStore } from '../../lib/store/memory/MemoryTaskStore.js';
import type { TaskStore } from '../../lib/store/TaskStore.js';
import { requestOf } from './callRequests.js';
import { ScriptedDecisions } from './scriptedDecisions.js';
import type { ScriptedDecisionsOptions } from './scriptedDecisions.js';
import { pendingTask } from './tasks.js';

/** As the Python SDK polls, without jitter. */
export const POLLING: ApprovalPolling = { enabled: true, initialDelayMs: 2_000, maxDelayMs: 60_000, maxAttempts: 50, jitterRatio: 0 };

export interface SchedulerSetupOptions extends Partial<Omit<ApprovalSchedulerOptions, 'decisions' | 'registry' | 'polling'>> {
  readonly service?: ScriptedDecisionsOptions | undefined;
  /** Instead of a scripted one. */
  readonly decisions?: DecisionService | undefined;
  readonly polling?: Partial<ApprovalPolling> | undefined;
  readonly store?: TaskStore | undefined;
  readonly tasks?: TaskRegistryOptions | undefined;
}

/** A call under test: what became of it. */
export interface Watched {
  readonly task: PendingTask;
  readonly entry: PendingCall;
  readonly handle: PendingApproval;
  /** Params of each run. */
  readonly runs: Params[];
  /** Every `onSettled`: `[result, error]`. */
  readonly settled: [unknown, unknown][];
  /** Statuses it went through, from `pending` on. */
  readonly path: string[];
}

export interface SchedulerSetup {
  readonly scheduler: ApprovalScheduler;
  readonly registry: TaskRegistry;
  readonly store: TaskStore;
  readonly service: ScriptedDecisions;
  readonly changes: TaskTransition[];
  /** Records a task and holds it. */
  hold(task?: Partial<PendingTask>, call?: Partial<HeldApproval>): Promise<Watched>;
  /** Records a task and submits it. */
  submit(task?: Partial<PendingTask>, call?: Partial<HeldApproval>): Promise<Watched>;
}

/** A scheduler on a scriptable service and a memory store. */
export function schedulerSetup(options: SchedulerSetupOptions = {}): SchedulerSetup {
  const { service: script, decisions, polling, store = new MemoryTaskStore(), tasks, ...rest } = options;
  const service = new ScriptedDecisions(script);
  const registry = new TaskRegistry(store, tasks);
  const scheduler = new ApprovalScheduler({ decisions: decisions ?? service, registry, polling: { ...POLLING, ...polling }, ...rest });
  const changes: TaskTransition[] = [];
  registry.on('transition', (change) => changes.push(change));
  const paths = new Map<string, string[]>();
  registry.on('transition', ({ task }) => paths.get(task.taskId)?.push(task.status));
  const hold = async (more: Partial<PendingTask> = {}, call: Partial<HeldApproval> = {}): Promise<Watched> => {
    const task = pendingTask(more);
    const path: string[] = [];
    paths.set(task.taskId, path);
    await registry.record(task);
    const runs: Params[] = [];
    const settled: [unknown, unknown][] = [];
    const { run = () => 'done', ...others } = call;
    const entry = scheduler.hold(task, {
      request: requestOf({ params: task.params, approvalTimeoutMs: task.expiresAtMs - task.createdAtMs }),
      run: (params, now, lastLook) => {
        runs.push(params);
        return run(params, now, lastLook);
      },
      admit: (params) => params,
      onSettled: (result, error) => settled.push([result, error]),
      ...others,
    });
    return { task, entry, handle: entry.handle, runs, settled, path };
  };
  const submit: SchedulerSetup['submit'] = async (more, call) => {
    const watched = await hold(more, call);
    scheduler.follow(watched.entry);
    return watched;
  };
  return { scheduler, registry, store, service, changes, hold, submit };
}
