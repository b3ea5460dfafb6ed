import { AegisGuard } from '../../lib/guard/AegisGuard.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { currentCall } from '../../lib/guard/call/callContext.js';
import { chain } from '../../lib/common/awaitable.js';
import type { Awaitable } from '../../lib/common/awaitable.js';
import { ApprovalPendingError } from '../../lib/model/errors/RefusalErrors.js';
import type { Guarded, PendingApproval } from '../../lib/model/PendingApproval.js';
import { isPending } from '../../lib/model/PendingApproval.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import { POLICIES } from './setting.js';

export const LEASE_MS = 1_000;
export const EXPIRES_MS = 10_000;

/** A process in this process: a module on a handle of its own, that can die. */
export interface Worker {
  readonly aegis: AegisModule;
  readonly tools: OrderTools;
  /** From now on nothing it asks of its store gets through, no answer arrives, and what it runs comes to no end. */
  crash(): void;
  /** As after a crash, for one that has to go. The handle is closed. */
  end(): Promise<void>;
}

/** What the methods did, over all workers. */
export interface Runs {
  readonly started: string[];
  readonly ended: string[];
}

/** The two ways a call can wait: it runs by itself once it is approved, or its caller comes again. */
export class OrderTools {
  readonly aegis: AegisModule;
  readonly #run: () => Promise<string>;

  constructor(aegis: AegisModule, run: () => Promise<string>) {
    this.aegis = aegis;
    this.#run = run;
  }

  @AegisGuard({ toolName: 'orders.defer', params: ['n'], module: (self) => self.aegis })
  async defer(_n: number): Promise<Guarded<string>> {
    return this.#run();
  }

  @AegisGuard({ toolName: 'orders.throw', params: ['n'], approval: 'throw', module: (self) => self.aegis })
  async throw(_n: number): Promise<string> {
    return this.#run();
  }
}

export async function startWorker(handle: StateStore, runs: Runs): Promise<Worker> {
  const life = { over: false };
  const aegis = AegisModule.create({
    policies: POLICIES,
    store: mortal(handle, life),
    agentId: 'orders',
    approvalTimeoutMs: EXPIRES_MS,
    // on one state the same call is made again and again
    denialTtlMs: 0,
    recovery: { leaseMs: LEASE_MS, sweepMs: 200 },
    resolve: () => tools,
  });
  const run = async (): Promise<string> => {
    const { taskId = '' } = currentCall() ?? {};
    runs.started.push(taskId);
    await new Promise((resolve) => setTimeout(resolve, 3));
    if (life.over) return new Promise(() => {});
    runs.ended.push(taskId);
    return 'done';
  };
  const tools: OrderTools = new OrderTools(aegis, run);
  await aegis.ready();
  const crash = (): void => void (life.over = true);
  const end = async (): Promise<void> => {
    if (life.over) await handle.close();
    else await aegis.close({ graceMs: 100 });
  };
  return { aegis, tools, crash, end };
}

/** Calls, and gives the handle of what waits. */
export async function ask(worker: Worker, mode: 'defer' | 'throw', n: number): Promise<PendingApproval<unknown>> {
  try {
    const given = await worker.tools[mode](n);
    if (isPending(given)) return given;
  } catch (error) {
    if (error instanceof ApprovalPendingError) return error.pending;
    throw error;
  }
  throw new Error('it ran at once');
}

/** The handle of a process that can die: then it answers nobody any more, and whoever waits for it waits for ever. */
function mortal(handle: StateStore, life: { readonly over: boolean }): StateStore {
  const part = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, key) {
        const found: unknown = Reflect.get(target, key);
        if (typeof found !== 'function') return found;
        return (...given: unknown[]): Awaitable<unknown> => {
          if (life.over) return never();
          const heard = key === 'watch' ? [(change: unknown) => life.over || (given[0] as (c: unknown) => void)(change)] : given;
          return chain(Reflect.apply(found, target, heard) as Awaitable<unknown>, (answer) => (life.over ? never() : answer));
        };
      },
    });
  return { tasks: part(handle.tasks), approvals: part(handle.approvals), open: () => handle.open(), close: () => handle.close() };
}

function never(): Promise<never> {
  return new Promise<never>(() => {});
}
