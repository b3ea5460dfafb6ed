import { LruMap } from '../../common/LruMap.js';
import { workUntilDone } from '../../common/time/workUntilDone.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { ApprovedTask, Task } from '../../model/Task.js';
import type { StoreChange } from '../../store/TaskStore.js';
import { Heartbeat } from './Heartbeat.js';
import { checkApproved, isOwnedElsewhere, recoverTask } from './recoverTask.js';
import type { RecoveryHost } from './recoverTask.js';

/** How tasks of a durable store are kept alive, and taken over from processes that have ended. */
export interface RecoveryOptions {
  /**
   * How long a process may be silent before its executions are taken for dead, in milliseconds.
   *
   * @defaultValue 30,000
   */
  readonly leaseMs?: number | undefined;
  /**
   * How often the store is scanned for tasks that no live process is handling, in milliseconds.
   *
   * @defaultValue 5,000
   */
  readonly sweepMs?: number | undefined;
  /**
   * How often an idempotent task may begin.
   *
   * @defaultValue 5
   */
  readonly maxRuns?: number | undefined;
}

export interface RecoveryWorkerOptions extends RecoveryHost, RecoveryOptions {
  /** How long until an undecided task is asked about again, in milliseconds. */
  readonly pollMs: number;
  /** Whether undecided tasks are asked about at all: those of a desk whose approvals are in the same store become due with their verdict. */
  readonly polls: boolean;
  /** Whether a process that has nothing else to do waits for what others ask it to run. Default false. */
  readonly keepAlive?: boolean | undefined;
  /** Called for every approval that another process has changed. */
  readonly onApproval?: ((decisionId: string) => Promise<void>) | undefined;
  /** @internal Is told that another process ordered or lifted a halt. */
  readonly onHalt?: (() => Promise<void>) | undefined;
}

const PAGE = 100;
/** Waiting tasks that are remembered, and those that listeners know of. */
const MAX_REMEMBERED = 10_000;

/**
 * Keeps a durable store's side of a module: says that this process lives, takes over what others change, ends the executions of processes that have
 * died, and recovers what they left. One timer, which does not keep the process alive.
 */
export class RecoveryWorker {
  readonly #options: RecoveryWorkerOptions;
  readonly #controller = new AbortController();
  readonly #heartbeat: Heartbeat;
  readonly #leaseMs: number;
  readonly #sweepMs: number;
  readonly #served = new Map<string, () => unknown>();
  readonly #stopping: (() => unknown)[] = [];
  /** Tasks whose `waiting-for-worker` was emitted. */
  readonly #lastEmitted = new LruMap<string, true>(MAX_REMEMBERED);
  /** What the store handed out and this process cannot run: another one may. */
  #unrunnable: string[] = [];
  /** Approved tasks that this process cannot run, with the time at which it learned of them. */
  readonly #unclaimed = new Map<string, number>();
  /** Approved tasks that were in the store at the start. */
  #found: readonly ApprovedTask[] = [];
  #scanning: Promise<void> | undefined;
  #again = false;
  #started = false;

  constructor(options: RecoveryWorkerOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? 30_000;
    this.#sweepMs = options.sweepMs ?? 5_000;
    // a scan may wait for a service: that this process lives is said before, and goes on meanwhile
    const onBeat = (): void => void this.scan();
    const heartbeat = { leaseMs: this.#leaseMs, everyMs: this.#sweepMs, keepAlive: options.keepAlive === true, onBeat };
    this.#heartbeat = new Heartbeat(options.registry, heartbeat);
  }

  /** Settles when this process is known to the store and receives changes; what was left behind is recovered from then on. */
  async start(): Promise<void> {
    const { registry } = this.#options;
    await this.#heartbeat.once();
    await registry.prune(); // a short life ends before it has finished enough to prune
    await registry.countOpen();
    const isOver = (): boolean => this.#controller.signal.aborted;
    const failed = (error: unknown): void => publishCallbackError('receiving a change', error);
    // no one asks again about what is pushed
    this.#stopping.push(await registry.store.watch((change) => void workUntilDone(() => this.#onChange(change), { failed, isOver })));
    const approved = (task: Task): void => this.#noteApproved(task);
    registry.on('approved', approved);
    this.#stopping.push(() => registry.off('approved', approved));
    this.#found = (await registry.store.list({ status: 'approved' })).filter((task) => task.status === 'approved');
    for (const task of this.#found) approved(task);
    this.#started = true;
    this.#heartbeat.start();
    void this.scan();
  }

  /** A verdict was given in this process. A function of its own, to be called by what gave it. */
  readonly decided = ({ decisionId }: Pick<Task, 'decisionId'>): void => {
    this.#safely('handling a verdict', async () => {
      const task = await this.#options.registry.store.ofDecision(decisionId);
      if (task?.decisionId === decisionId) await this.#recoverOrphan(task);
    });
  };

  /** Scans the store now; settles when that is done. */
  async scan(): Promise<void> {
    if (!this.#started) return;
    this.#again = true;
    this.#scanning ??= this.#scanWhileAsked().finally(() => (this.#scanning = undefined));
    await this.#scanning;
  }

  /** Called when it stops. */
  whenStopped(end: () => unknown): void {
    this.#stopping.push(end);
  }

  /** Starts nothing from now on, but goes on saying that this process lives: it may still be executing. An answer under way changes nothing. */
  rest(): void {
    this.#controller.abort();
  }

  /** Ends the heartbeat too. */
  async stop(): Promise<void> {
    this.rest();
    this.#heartbeat.stop();
    await this.#options.registry.flushPendingWrites().catch((error: unknown) => publishCallbackError('recording an outcome', error));
    for (const end of [...this.#stopping, ...this.#served.values()]) await this.#try('closing a store', async () => end());
  }

  async #scanWhileAsked(): Promise<void> {
    while (this.#again && !this.#controller.signal.aborted) {
      this.#again = false;
      await this.#try('scanning a store', () => this.#scanOnce());
    }
  }

  async #scanOnce(): Promise<void> {
    const { registry } = this.#options;
    await registry.flushPendingWrites();
    await this.#serveNewKeys();
    await this.#sweep();
    await this.#checkFound();
    for (;;) {
      const due = await this.#due();
      await Promise.all(due.map((task) => this.#try('recovering a stored task', () => this.#recover(task))));
      if (due.length < PAGE || this.#controller.signal.aborted) break;
    }
    await this.#makeDue();
    await this.#reportUnclaimed(registry.clock.now() - this.#sweepMs);
  }

  async #recover(task: Task): Promise<void> {
    const recovery = await recoverTask(task, this.#options, this.#controller.signal);
    if (recovery.kind !== 'unrunnable') return;
    this.#unrunnable.push(task.taskId);
    if (this.#lastEmitted.get(task.taskId) === true) return;
    this.#lastEmitted.set(task.taskId, true);
    this.#options.registry.emit('waiting-for-worker', { task: recovery.task, reason: recovery.reason });
  }

  /** Recovers a task, unless a call of this process or a live owner has it. */
  async #recoverOrphan(task: Task): Promise<void> {
    const { scheduler, registry } = this.#options;
    if (scheduler.heldCall(task) === undefined && !(await isOwnedElsewhere(task, registry))) await this.#recover(task);
  }

  /** The store's queue says that a task is approved. */
  async #recoverApproved(taskId: string): Promise<void> {
    const task = await this.#options.registry.store.get(taskId);
    if (task?.status === 'approved') await this.#recoverOrphan(task);
  }

  /** It is approved, perhaps elsewhere: whether another process runs it shows later. */
  #noteApproved(task: Task): void {
    const { restorer, scheduler, registry } = this.#options;
    if (task.mode === 'throw' || this.#unclaimed.size >= MAX_REMEMBERED || scheduler.heldCall(task) !== undefined) return;
    if (!restorer.runnable().includes(task.guardKey)) this.#unclaimed.set(task.taskId, registry.clock.now());
  }

  /** Reports approved tasks that no process has begun, and that this one cannot run. */
  async #reportUnclaimed(notedByMs: number): Promise<void> {
    for (const [taskId, notedMs] of this.#unclaimed) {
      if (notedMs > notedByMs) return;
      this.#unclaimed.delete(taskId);
      await this.#recoverApproved(taskId);
    }
  }

  /** Checks once what was found at the start, also what nothing here will run: somebody may have changed whose it is. */
  async #checkFound(): Promise<void> {
    const found = this.#found;
    this.#found = [];
    for (const task of found) {
      if (task.origin === undefined || this.#options.scheduler.heldCall(task) !== undefined) continue;
      await this.#try('checking a stored task', () => checkApproved(task, this.#options));
    }
  }

  /** Leaves what cannot be run here to the next process that asks. */
  async #makeDue(): Promise<void> {
    const unrunnable = this.#unrunnable;
    this.#unrunnable = [];
    if (unrunnable.length > 0) await this.#options.registry.store.makeDue(unrunnable);
  }

  async #sweep(): Promise<void> {
    const { registry, maxRuns = 5 } = this.#options;
    for (;;) {
      const { unknown, reclaimed } = await registry.store.sweep({ nowMs: registry.clock.now(), maxRuns, limit: PAGE });
      registry.emitSwept([...unknown, ...reclaimed]);
      if (unknown.length + reclaimed.length < PAGE) return;
    }
  }

  /** A process that takes a task and dies is taken for dead after a lease; a service that is polled is asked no more often than it wants. */
  get #againMs(): number {
    return this.#options.polls ? Math.max(this.#options.pollMs, this.#leaseMs) : this.#leaseMs;
  }

  async #due(): Promise<readonly Task[]> {
    const { registry, restorer } = this.#options;
    return registry.store.due({
      nowMs: registry.clock.now(),
      idleMs: this.#sweepMs,
      againMs: this.#againMs,
      keys: restorer.runnable(),
      poll: this.#options.polls,
      limit: PAGE,
    });
  }

  /** Guards may be defined at any time; a store with a queue hands out tasks by their keys. */
  async #serveNewKeys(): Promise<void> {
    const { registry, restorer } = this.#options;
    for (const key of registry.store.serve === undefined ? [] : restorer.keys()) {
      if (this.#served.has(key)) continue;
      const stop = await registry.store.serve?.(key, (taskId) =>
        this.#try('handling an approved task', () => this.#recoverApproved(taskId)),
      );
      this.#served.set(key, stop as () => unknown);
    }
  }

  async #onChange(change: StoreChange): Promise<void> {
    if (change.kind === 'task') return this.#options.registry.onChange(change);
    if (change.kind === 'halt') return this.#options.onHalt?.();
    await this.#options.onApproval?.(change.decisionId);
  }

  #safely(where: string, work: () => Promise<void>): void {
    if (!this.#controller.signal.aborted) void this.#try(where, work);
  }

  /** What fails here is tried again by the next scan. */
  async #try(where: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#controller.signal.aborted) publishCallbackError(where, error);
    }
  }
}
