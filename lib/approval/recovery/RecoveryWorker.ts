import { publishCallbackError } from '../../model/diagnostics.js';
import type { Task } from '../../model/Task.js';
import type { StoreChange } from '../../store/TaskStore.js';
import { Heartbeat } from './Heartbeat.js';
import { OrphanedTasks } from './OrphanedTasks.js';
import type { OrphanedTasksOptions } from './OrphanedTasks.js';

/** How tasks of a durable store are kept alive, and taken over from processes that have ended. */
export interface RecoveryOptions {
  /** How long a process may be silent before its executions are taken for dead, in milliseconds. Default 30,000. */
  readonly leaseMs?: number | undefined;
  /** How often the store is looked through for what nobody sees to, in milliseconds. Default 5,000. */
  readonly sweepMs?: number | undefined;
  /** How often an idempotent task may begin. Default 5. */
  readonly maxRuns?: number | undefined;
}

export interface RecoveryWorkerOptions extends OrphanedTasksOptions, RecoveryOptions {
  /** How long until an undecided task is asked about again, in milliseconds. */
  readonly pollMs: number;
  /** Whether a process that has nothing else to do waits for what others ask it to run. Default false. */
  readonly keepAlive?: boolean | undefined;
  /** Told of every approval that another process has changed. */
  readonly onApproval?: ((decisionId: string) => Promise<void>) | undefined;
}

const PAGE = 100;

/**
 * Keeps a durable store's side of a module: says that this process lives, hears what others change, ends the executions of processes that have
 * died, and takes over what they left. One timer, which does not keep the process alive.
 */
export class RecoveryWorker {
  readonly #options: RecoveryWorkerOptions;
  readonly #controller = new AbortController();
  readonly #tasks: OrphanedTasks;
  readonly #beat: Heartbeat;
  readonly #leaseMs: number;
  readonly #sweepMs: number;
  readonly #served = new Map<string, () => unknown>();
  readonly #stopping: (() => unknown)[] = [];
  #looking: Promise<void> | undefined;
  #again = false;
  #started = false;

  constructor(options: RecoveryWorkerOptions) {
    this.#options = options;
    this.#tasks = new OrphanedTasks(options, this.#controller.signal);
    this.#leaseMs = options.leaseMs ?? 30_000;
    this.#sweepMs = options.sweepMs ?? 5_000;
    // looking may wait for a service: that this process lives is said before, and goes on meanwhile
    const onBeat = (): void => void this.look();
    const beat = { leaseMs: this.#leaseMs, everyMs: this.#sweepMs, keepAlive: options.keepAlive === true, onBeat };
    this.#beat = new Heartbeat(options.registry, beat);
  }

  /** Settles when this process is known to the store and hears of changes; what was left behind is seen to from then on. */
  async start(): Promise<void> {
    const { registry } = this.#options;
    await this.#beat.once();
    await registry.prune(); // a short life ends before it has finished enough to look
    await registry.countOpen();
    this.#stopping.push(await registry.store.watch((change) => this.#safely('hearing of a change', () => this.#heard(change))));
    const approved = (task: Task): void => this.#tasks.noteApproved(task);
    registry.on('approved', approved);
    this.#stopping.push(() => registry.off('approved', approved));
    for (const task of await registry.store.list({ status: 'approved' })) approved(task);
    this.#started = true;
    this.#beat.start();
    void this.look();
  }

  /** A verdict was given in this process. */
  decided(decisionId: string): void {
    this.#safely('seeing to a verdict', () => this.#tasks.seeToDecided(decisionId));
  }

  /** Looks through the store now; settles when that is done. */
  async look(): Promise<void> {
    if (!this.#started) return;
    this.#again = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => (this.#looking = undefined));
    await this.#looking;
  }

  /** Called when it stops. */
  whenStopped(end: () => unknown): void {
    this.#stopping.push(end);
  }

  /** Sees to nothing any more, but goes on saying that this process lives: it may still be executing. What it asks just then changes nothing. */
  rest(): void {
    this.#controller.abort();
  }

  /** Does nothing any more. */
  async stop(): Promise<void> {
    this.rest();
    this.#beat.stop();
    await this.#options.registry.settleWaiting().catch((error: unknown) => publishCallbackError('recording an outcome', error));
    for (const end of [...this.#stopping, ...this.#served.values()]) await this.#try('leaving a store', async () => end());
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#again && !this.#controller.signal.aborted) {
      this.#again = false;
      await this.#try('looking through a store', () => this.#lookOnce());
    }
  }

  async #lookOnce(): Promise<void> {
    const { registry } = this.#options;
    await registry.settleWaiting();
    await this.#serveNewKeys();
    await this.#sweep();
    for (;;) {
      const due = await this.#due();
      await Promise.all(due.map((task) => this.#try('seeing to a stored task', () => this.#tasks.seeTo(task))));
      if (due.length < PAGE || this.#controller.signal.aborted) break;
    }
    await this.#tasks.makeDue();
    await this.#tasks.tellOfStrays(registry.clock.now() - this.#sweepMs);
  }

  async #sweep(): Promise<void> {
    const { registry, maxRuns = 5 } = this.#options;
    for (;;) {
      const { unknown, reclaimed } = await registry.store.sweep({ nowMs: registry.clock.now(), maxRuns, limit: PAGE });
      registry.tellSwept([...unknown, ...reclaimed]);
      if (unknown.length + reclaimed.length < PAGE) return;
    }
  }

  /** Who takes one and dies over it is taken for dead after a lease; a service that is asked is asked no more often than it wants. */
  get #againMs(): number {
    const { decisions, pollMs } = this.#options;
    return decisions.watch === undefined ? Math.max(pollMs, this.#leaseMs) : this.#leaseMs;
  }

  async #due(): Promise<readonly Task[]> {
    const { registry, decisions, reviver } = this.#options;
    const poll = decisions.watch === undefined;
    return registry.store.due({
      nowMs: registry.clock.now(),
      idleMs: this.#sweepMs,
      againMs: this.#againMs,
      keys: reviver.runnable(),
      poll,
      limit: PAGE,
    });
  }

  /** Guards may be defined at any time; a store with a queue hands out tasks by their keys. */
  async #serveNewKeys(): Promise<void> {
    const { registry, reviver } = this.#options;
    for (const key of registry.store.serve === undefined ? [] : reviver.keys()) {
      if (this.#served.has(key)) continue;
      const stop = await registry.store.serve?.(key, (taskId) =>
        this.#try('seeing to an approved task', () => this.#tasks.seeToApproved(taskId)),
      );
      this.#served.set(key, stop as () => unknown);
    }
  }

  async #heard(change: StoreChange): Promise<void> {
    if (change.kind === 'task') return this.#options.registry.hear(change);
    await this.#options.onApproval?.(change.decisionId);
  }

  #safely(where: string, work: () => Promise<void>): void {
    if (!this.#controller.signal.aborted) void this.#try(where, work);
  }

  /** What fails here is tried again by the next look. */
  async #try(where: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#controller.signal.aborted) publishCallbackError(where, error);
    }
  }
}
