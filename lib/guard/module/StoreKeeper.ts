import type { RecoveryWorker } from '../../approval/recovery/RecoveryWorker.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { onNewInstance } from '../method/GuardBinding.js';
import type { AegisOptions } from './AegisOptions.js';
import type { StoreKeeping } from './keepStore.js';

/** Recovers the tasks of a durable store. Its code is loaded while the store is opened: a module whose tasks are in memory has no use for it. */
export class StoreKeeper {
  readonly #part: LazyPart<StoreKeeping>;
  readonly #leave: () => void;
  #worker: RecoveryWorker | undefined;
  #resting = false;

  constructor(options: AegisOptions, runtime: GuardRuntime, desk: ApprovalDesk | undefined, pollMs: number, onHalt: () => Promise<void>) {
    this.#part = new LazyPart(async () => {
      const { keepStore } = await import('./keepStore.js');
      const keeping = keepStore(options, runtime, desk, pollMs, onHalt);
      this.#worker = keeping.worker;
      if (this.#resting) keeping.worker.rest();
      return keeping;
    });
    this.#part.prepare();
    runtime.tasks.retryWith(async (task) => (await this.#part.get()).restorer.retry(task));
    desk?.on('settled', ({ decisionId }) =>
      // where it cannot be loaded, the module does not open, and says so
      this.#part.use(({ worker }) => worker.decided({ decisionId })),
    );
    this.#leave = onNewInstance(() => void this.scan());
  }

  /** Settles when this process is known to the store and receives changes, or when it was stopped before. */
  async start(): Promise<void> {
    const { worker } = await this.#part.get();
    if (!this.#resting) await worker.start();
  }

  /** Scans the store now, if it has been opened; settles when that is done. */
  async scan(): Promise<void> {
    await this.#worker?.scan();
  }

  /** Starts nothing from now on, but goes on saying that this process lives: it may still be executing. */
  rest(): void {
    this.#resting = true;
    this.#worker?.rest();
  }

  /** Ends the heartbeat too. */
  async stop(): Promise<void> {
    this.rest();
    this.#leave();
    await this.#worker?.stop();
  }
}
