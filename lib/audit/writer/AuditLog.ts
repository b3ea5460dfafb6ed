import { attempt, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { summarizeError } from '../../model/AegisError.js';
import type { EnteringEvent, JournalEvent } from '../../model/Journal.js';
import type { EventOutbox, KeepingJournal, OutboxPlace } from '../../store/record/EventOutbox.js';
import { KeptRows } from '../outbox/KeptRows.js';
import { LogOutbox } from '../outbox/LogOutbox.js';
import { logPlaces } from '../outbox/logPlaces.js';
import type { NewRecord } from '../record/AuditRecord.js';
import type { NewOpening } from '../record/OpenRecord.js';
import type { AuditSource } from '../sink/AuditSink.js';
import { checkedAuditLogOptions } from './AuditLogOptions.js';
import type { AuditLogOptions, CheckedAuditLogOptions } from './AuditLogOptions.js';
import { auditUnavailable } from './auditUnavailable.js';
import { eraseOpenings } from './eraseOpenings.js';
import type { Erasure } from './eraseOpenings.js';
import { GroupCommit } from './GroupCommit.js';
import { RecordQueue } from './RecordQueue.js';
import type { QueuedRecord } from './RecordQueue.js';

/** Where an audit log stands. */
export interface AuditStatus {
  /** `new`: not opened yet. `failed`: what was last written is not certain, and the log is opened again when there is something to write. */
  readonly state: 'new' | 'open' | 'failed' | 'closed';
  /** Whether methods wait for their records. */
  readonly mode: 'required' | 'best-effort';
  /** The name of the log, once it is open. */
  readonly writer: string | undefined;
  /** How many records are on disk. */
  readonly size: number;
  /** How many records wait to be written. */
  readonly queued: number;
  /** How many records were dropped because too many waited. */
  readonly dropped: number;
  /** The last checkpoint: how many records it covers, and when it was made, in epoch milliseconds. */
  readonly checkpoint: { readonly size: number; readonly atMs: number } | undefined;
  /** Why it failed: the name of the error. */
  readonly error: string | undefined;
}

/**
 * Makes an audit log, to be given to a module as its `journal`. It opens its sink when there is something to write, or with {@link AuditLog.ready}.
 *
 * @throws ConfigError for an option that is missing or wrong
 */
export function auditLog(options: AuditLogOptions): AuditLog {
  return new AuditLog(options);
}

/**
 * Writes what is decided and run as records of a log in which nothing can be changed unnoticed: a Merkle tree (RFC 6962) with signed checkpoints. Records that
 * come together are written together. `docs/audit.md` says what it proves, and what it cannot.
 */
export class AuditLog implements KeepingJournal {
  /** Waits, in `required`, until the entry of a method and all that came before is on disk. */
  readonly before?: (event: EnteringEvent) => Awaitable<void>;
  readonly #options: CheckedAuditLogOptions;
  readonly #queue: RecordQueue;
  readonly #commit: GroupCommit;
  readonly #kept = new KeptRows();
  #closing: Promise<void> | undefined;
  readonly #servers: ((event: JournalEvent) => boolean)[] = [];

  /** @throws ConfigError for an option that is missing or wrong */
  constructor(options: AuditLogOptions) {
    this.#options = checkedAuditLogOptions(options);
    this.#queue = new RecordQueue(this.#options.maxQueued);
    this.#commit = new GroupCommit(this.#options, this.#queue);
    if (this.#options.mode === 'required') this.before = (event) => this.#barrier(event);
  }

  /** What is in its sink, to be read back and verified. */
  get source(): AuditSource {
    return this.#options.sink.source;
  }

  /** How many records are on disk. */
  get size(): number {
    return this.#commit.size;
  }

  /** @internal A server sees approvals used and no method entered: its log says so from its start. To be called before the log is open. */
  writeForServer(): void {
    this.#options.source = 'server';
  }

  /** @internal A server beside the module writes some of what the module tells: it is asked of each event, also after it was closed. */
  writtenBy(isWritten: (event: JournalEvent) => boolean): void {
    this.#servers.push(isWritten);
  }

  /** Takes an event. It is made a record and written later, outside the call. */
  note(event: JournalEvent): void {
    if (this.#closing !== undefined || event.kind === 'task') return;
    const kept = this.#kept.take(event);
    // a server beside the module has kept it in its own outbox
    const isServed = this.#servers.some((isWritten) => isWritten(event));
    if (kept === 'late') return;
    if (isServed) return kept?.leave();
    // while the log is not open, another process may write what is kept
    if (kept !== undefined && !this.#commit.isOpen) return kept.leave();
    if (this.#queue.add({ event, at: Date.now(), kept })) this.#commit.start();
    else kept?.leave();
  }

  /** @internal */
  outboxIn(place: OutboxPlace): EventOutbox {
    const { sink, mode } = this.#options;
    const log = {
      sink,
      isRequired: mode === 'required',
      kept: this.#kept,
      size: () => this.size,
      writer: () => this.#commit.name,
      flush: () => this.flush(),
      write: (record: NewRecord, opening: NewOpening | undefined) => this.write(record, opening),
    };
    return new LogOutbox(log, place);
  }

  /** @internal Works while no one has that log open: see `logPlaces.whileFree`. */
  whileFree(writer: string, work: () => Promise<void>): Promise<boolean> {
    return logPlaces.whileFree(this.#options.sink, writer, work);
  }

  /**
   * Writes a record that is not made of an event.
   *
   * @param opening what opens its commitments
   * @returns its position in the log, once it is on disk
   * @throws DecisionUnavailableError `audit_unavailable` where it cannot be written; whether it is in the log is then not certain
   */
  write(record: NewRecord, opening?: NewOpening): Promise<number> {
    return this.#mark({ made: { record, opening } }) as Promise<number>;
  }

  /**
   * Deletes openings of every log of its sink, so that the values behind their commitments cannot be read; the logs still verify. What was told before is
   * written first. A record says that it was done, by whom, and how many there were.
   *
   * @returns how many were deleted
   * @throws ConfigError for an erasure that is not exactly one of `user`, `decision` and `before`
   * @throws StoreError where they cannot be deleted; `audit_unavailable` where the record cannot be written
   */
  async erase(erasure: Erasure): Promise<number> {
    await this.flush();
    return eraseOpenings(this.#options.sink, async (record) => void (await this.write(record)), erasure);
  }

  /** Opens the log. @throws DecisionUnavailableError `audit_unavailable` where it cannot be opened */
  async ready(): Promise<void> {
    await this.#mark({});
  }

  /** Resolves when everything that was told so far is on disk. @throws DecisionUnavailableError `audit_unavailable` where it cannot be written */
  async flush(): Promise<void> {
    await this.#mark({});
  }

  /** Where it stands. */
  status(): AuditStatus {
    const { name: writer, size, checkpoint, failure, isOpen } = this.#commit;
    return {
      state: this.#closing !== undefined ? 'closed' : failure !== undefined ? 'failed' : isOpen ? 'open' : 'new',
      mode: this.#options.mode,
      writer,
      size,
      queued: this.#queue.length,
      dropped: this.#queue.dropped,
      checkpoint,
      error: failure === undefined ? undefined : summarizeError(failure.error).name,
    };
  }

  /** Writes what waits and that the log is closed, signs it, and lets it go. Close the module first: what comes later is not written, and does not run. */
  close(): Promise<void> {
    return (this.#closing ??= this.#commit.close());
  }

  #mark(given: Pick<QueuedRecord, 'made'>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) return reject(auditUnavailable('is closed'));
      this.#queue.addAlways({ ...given, at: Date.now(), resolve, reject });
      this.#commit.start();
    });
  }

  /** @throws DecisionUnavailableError, or rejects with one: the method is then not entered */
  #barrier(event: EnteringEvent): Awaitable<void> {
    if (this.#closing !== undefined) throw auditUnavailable('is closed');
    const entry = this.#queue.entryOf(event);
    if (entry === undefined) throw auditUnavailable('has too many records that wait to be written');
    if (this.#commit.isDown) throw auditUnavailable('could not be written', this.#commit.failure?.error);
    let isWritten = false;
    const written = new Promise<void>((resolve, reject) => {
      entry.resolve = () => {
        isWritten = true;
        resolve();
      };
      entry.reject = reject;
    });
    if (event.synchronous !== true) return written;
    // it cannot wait: it runs where the sink answers at once, and else its guard refuses it
    written.catch(() => {});
    const writing = attempt<void, void>(
      () => this.#commit.writeNow(),
      () => undefined,
      () => undefined,
    );
    return isThenable(writing) || !isWritten ? written : undefined;
  }
}
