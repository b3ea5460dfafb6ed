import { MAX_TIMEOUT_MS } from '../../../common/time/SteadyClock.js';
import type { ApprovalDesk } from '../../../decision/desk/ApprovalDesk.js';
import { publishCallbackError } from '../../../model/diagnostics.js';
import type { Journal } from '../../../model/Journal.js';
import type { ApprovalRecord } from '../../../store/ApprovalStore.js';
import type { RecordStore } from '../../../store/RecordStore.js';
import { Reminders } from './Reminders.js';

/** What an {@link EscalationWatch} needs. */
export interface EscalationWatchOptions {
  readonly desk: Pick<ApprovalDesk, 'get' | 'list' | 'on' | 'off'>;
  readonly records: RecordStore;
  readonly now: () => number;
  readonly journal?: Journal | undefined;
}

/** How long after a failure it looks again, in milliseconds. */
const RETRY_MS = 5_000;
const NO_GROUP: readonly string[] = [];

/** Notices the steps of `@escalate` where there is no channel to tell anyone through: they are journaled all the same. */
export class EscalationWatch {
  readonly #options: EscalationWatchOptions;
  readonly #reminders: Reminders;
  #timer: NodeJS.Timeout | undefined;
  /** When it looks next. */
  #atMs = Infinity;
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(options: EscalationWatchOptions) {
    this.#options = options;
    this.#reminders = new Reminders(options.records, options.journal, { onlySteps: true });
  }

  /** Listens to the desk from now on, and begins with what is pending already. */
  async start(): Promise<void> {
    const { desk } = this.#options;
    desk.on('requested', this.#onRequested);
    desk.on('settled', this.#onSettled);
    for (const record of await desk.list({ status: 'pending' })) this.#onRequested(record);
  }

  /** Ends it, once what it does is done. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.desk.off('requested', this.#onRequested);
    this.#options.desk.off('settled', this.#onSettled);
    await this.#working;
  }

  readonly #onRequested = (record: ApprovalRecord): void => this.#lookAt(this.#reminders.watch(record));

  readonly #onSettled = ({ decisionId }: ApprovalRecord): void => this.#reminders.forget(decisionId);

  #lookAt(atMs: number | undefined): void {
    if (atMs === undefined || atMs >= this.#atMs || this.#closed) return;
    this.#atMs = atMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(0, atMs - this.#options.now()), MAX_TIMEOUT_MS));
    this.#timer.unref();
  }

  #look(): void {
    this.#atMs = Infinity;
    // one at a time
    this.#working = (this.#working ?? Promise.resolve()).then(async () => this.#lookAt(await this.#takeDue()));
  }

  /** @returns when it looks again */
  async #takeDue(): Promise<number | undefined> {
    const { desk, now } = this.#options;
    try {
      const nextMs = await this.#reminders.takeDue(
        now(),
        async (decisionId) => desk.get(decisionId),
        () => NO_GROUP,
        async () => {},
      );
      await this.#reminders.prune(now());
      return nextMs;
    } catch (error) {
      publishCallbackError('noticing escalations', error);
      return now() + RETRY_MS;
    }
  }
}
