import type { Awaitable } from '../../common/awaitable.js';
import type { HaltBook } from '../../decision/halt/HaltBook.js';
import type { HaltOrder, LiftOrder } from '../../decision/halt/haltRecord.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { ShutdownError } from '../../model/errors/RefusalErrors.js';
import type { Halt, HaltScope } from '../../model/halt/Halt.js';
import { SafeEmitter } from '../../model/SafeEmitter.js';
import type { TaskSummary } from '../../store/TaskStore.js';

/** Events of {@link Halts}, also for what other processes order. */
export interface HaltEvents {
  /** A halt is in force. */
  halted: [Halt];
  /** A halt was lifted, or its time is over. */
  lifted: [Halt];
}

/** A halt that was ordered, and what goes on all the same. */
export interface OrderedHalt extends Halt {
  /**
   * The approved calls that had begun before: a halt does not stop them, it aborts `currentCall().signal`. For a `group`, every one of its
   * agent and tool, because tasks do not keep the groups of their tools. Calls that were allowed at once have no task, so they are not among them.
   */
  readonly executing: readonly TaskSummary[];
}

/** What the face needs of its module. */
export interface HaltsHost {
  /** Settles when the stores are open. */
  ready(): Awaitable<void>;
  open(halts: Halts): Promise<HaltBook>;
  executing(scope: HaltScope): Awaitable<readonly TaskSummary[]>;
}

/**
 * The kill switch of a module. A halt lets no call of its scope run, in every process that shares the store, until it is lifted or its time is over. What is
 * running is told by `currentCall().signal`.
 */
export class Halts extends SafeEmitter<HaltEvents> {
  readonly #host: HaltsHost;
  #book: Promise<HaltBook> | undefined;
  #closed = false;

  /** @internal */
  constructor(host: HaltsHost) {
    super();
    this.#host = host;
  }

  /** @internal Reads what is halted, and goes on looking. */
  start(): Promise<HaltBook> {
    return this.#opened();
  }

  /** @internal Reads the halts now, if they were read before. */
  async refresh(): Promise<void> {
    await (await this.#book)?.refresh();
  }

  /** @internal */
  async close(): Promise<void> {
    this.#closed = true;
    // one that could not be opened has said so
    (await this.#book?.catch(() => undefined))?.close();
  }

  /**
   * Halts calls. Once this resolves, no other approved call in the scope begins, in any process, and this process lets no call in; other processes notice
   * within a second, and one that cannot read the store lets none in after 5 seconds (`haltMaxStaleMs`).
   *
   * @param scope what is halted: `{ all: true }`, or calls that match each of `agentId`, `toolName` and `group` that is given
   * @returns the halt, with the approved calls that had begun before
   * @throws ConfigError for a scope that names nothing, for an order that cannot be one, and where tasks are in a durable store that cannot keep halts
   * @example await aegis.halts.halt({ agentId: 'support-agent' }, { by: 'ann', reason: 'refunds everything' });
   */
  async halt(scope: HaltScope, order: HaltOrder): Promise<OrderedHalt> {
    const book = await this.#ready();
    // what is aborted may have ended before it is looked for; and what cannot be listed keeps no halt from being ordered
    const before = await this.#executing(scope);
    const halt = await book.halt(scope, order);
    const now = await this.#executing(halt.scope);
    const ended = before.filter(({ taskId }) => now.every((task) => task.taskId !== taskId));
    return Object.freeze({ ...halt, executing: [...ended, ...now] });
  }

  /**
   * Lifts a halt. What was frozen goes on. Lifting it again changes nothing.
   *
   * @returns the halt as it is then
   * @throws ConfigError where there is no such halt, or without `by` and `reason`
   */
  async lift(id: string, order: LiftOrder): Promise<Halt> {
    return (await this.#ready()).lift(id, order);
  }

  /**
   * Lists halts, oldest first: those in force, or with `all` also those that are over.
   *
   * @throws StoreError where they cannot be read, or someone without the key has changed them; then every call is refused
   */
  async list(options: { readonly all?: boolean | undefined } = {}): Promise<readonly Halt[]> {
    return (await this.#ready()).list(options);
  }

  async #executing(scope: HaltScope): Promise<readonly TaskSummary[]> {
    try {
      return await this.#host.executing(scope);
    } catch (error) {
      publishCallbackError('listing what runs while it is halted', error);
      return [];
    }
  }

  /** What opens the stores opens this too, so that only others wait for them. */
  async #ready(): Promise<HaltBook> {
    await this.#host.ready();
    return this.#opened();
  }

  #opened(): Promise<HaltBook> {
    this.#book ??= this.#open();
    return this.#book;
  }

  async #open(): Promise<HaltBook> {
    if (this.#closed) throw new ShutdownError('The module is closed, so it halts nothing. Use a module that is open, or `npx aegis halt`.');
    try {
      return await this.#host.open(this);
    } catch (error) {
      this.#book = undefined;
      throw error;
    }
  }
}
