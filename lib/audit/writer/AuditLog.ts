import { attempt, callSafely, chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { DecisionUnavailableError } from '../../model/errors/ServiceErrors.js';
import type { EnteringEvent, Journal, JournalEvent } from '../../model/Journal.js';
import type { NewRecord } from '../record/AuditRecord.js';
import { recordOf } from '../record/recordOf.js';
import type { NewOpening, OpenRecord } from '../record/OpenRecord.js';
import type { AuditSource } from '../sink/AuditSink.js';
import { checkedAuditLogOptions } from './AuditLogOptions.js';
import type { AuditLogOptions, CheckedAuditLogOptions } from './AuditLogOptions.js';
import { LogWriter } from './LogWriter.js';
import type { TimedRecord } from './LogWriter.js';
import { RecordQueue } from './RecordQueue.js';
import type { QueuedRecord } from './RecordQueue.js';

/** Where an audit log stands. */
export interface AuditStatus {
  /** `new`: not opened yet. `failed`: what was last written is not certain, and the log is opened again when there is something to write. */
  readonly state: 'new' | 'open' | 'failed' | 'closed';
  readonly mode: 'required' | 'best-effort';
  /** The name of the log, once it is open. */
  readonly writer: string | undefined;
  /** How many records are on disk. */
  readonly size: number;
  /** How many records wait to be written. */
  readonly queued: number;
  /** How many records were dropped because too many waited. */
  readonly dropped: number;
  /** The last checkpoint. */
  readonly checkpoint: { readonly size: number; readonly atMs: number } | undefined;
  /** Why it failed: the name of the error. */
  readonly error: string | undefined;
}

/** As many records as take about 2 ms to make. */
const GROUP = 256;
/** How long a log that has failed is left alone, in milliseconds. */
const RETRY_MS = 1_000;

/** Makes an audit log, to be given to a module as its `journal`. It opens its sink when there is something to write, or with {@link AuditLog.ready}. */
export function auditLog(options: AuditLogOptions): AuditLog {
  return new AuditLog(options);
}

/**
 * Writes what is decided and run as records of a log in which nothing can be changed unnoticed: a Merkle tree (RFC 6962) with signed checkpoints. Records that
 * come together are written together. `docs/audit.md` says what it proves, and what it cannot.
 */
export class AuditLog implements Journal {
  /** Waits, in `required`, until the entry of a method and all that came before is on disk. */
  readonly before?: (event: EnteringEvent) => Awaitable<void>;
  readonly #options: CheckedAuditLogOptions;
  readonly #queue: RecordQueue;
  #writer: LogWriter | undefined;
  /** The name of the log; it keeps it over failures. */
  #name: string | undefined;
  #size = 0;
  #checkpoint: { readonly size: number; readonly atMs: number } | undefined;
  #failure: { readonly error: unknown; readonly atMs: number } | undefined;
  /** Records of the append that failed: whether they were written is known once the log is open again. */
  #unsure: { readonly group: readonly QueuedRecord[]; readonly size: number } | undefined;
  #closed = false;
  #isWriting = false;
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @throws ConfigError for an option that is missing or wrong */
  constructor(options: AuditLogOptions) {
    this.#options = checkedAuditLogOptions(options);
    this.#queue = new RecordQueue(this.#options.maxQueued);
    if (this.#options.mode === 'required') this.before = (event) => this.#barrier(event);
  }

  /** What is in its sink, to be read back and verified. */
  get source(): AuditSource {
    return this.#options.sink.source;
  }

  /** How many records are on disk. */
  get size(): number {
    return this.#size;
  }

  /** Takes an event. It is made a record and written later, outside the call. */
  note(event: JournalEvent): void {
    if (this.#closed) return;
    if (this.#queue.add({ event, at: Date.now() })) this.#start();
  }

  /**
   * Writes a record of your own kind of event.
   *
   * @param opening what opens its commitments
   * @returns once it is on disk
   * @throws DecisionUnavailableError `audit_unavailable` where it cannot be written; whether it is in the log is then not certain
   */
  write(record: NewRecord, opening?: NewOpening): Promise<void> {
    return this.#mark({ made: { record, opening } });
  }

  /** Opens the log. @throws DecisionUnavailableError `audit_unavailable` where it cannot be opened */
  ready(): Promise<void> {
    return this.#mark({});
  }

  /** Resolves when everything that was told so far is on disk. @throws DecisionUnavailableError `audit_unavailable` where it cannot be written */
  flush(): Promise<void> {
    return this.#mark({});
  }

  /** Where it stands. */
  status(): AuditStatus {
    const { mode } = this.#options;
    const error = this.#failure?.error;
    const state = this.#closed ? 'closed' : this.#failure !== undefined ? 'failed' : this.#writer === undefined ? 'new' : 'open';
    return {
      state,
      mode,
      writer: this.#name,
      size: this.#size,
      queued: this.#queue.length,
      dropped: this.#queue.dropped,
      checkpoint: this.#checkpoint,
      error: error === undefined ? undefined : error instanceof Error ? error.name : 'NonError',
    };
  }

  /** Writes what waits and that the log is closed, signs it, and lets it go. Close the module first: what comes later is not written, and does not run. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#start();
    while (this.#running !== undefined) await this.#running;
    clearTimeout(this.#timer);
    const writer = this.#writer;
    try {
      if (writer === undefined) return;
      await writer.append([{ record: { kind: 'closed' }, at: Date.now() }]);
      this.#size = writer.size;
      await this.#sign(writer);
    } catch (error) {
      this.#failed(error, []);
    } finally {
      this.#writer = undefined;
      await this.#options.sink.close();
    }
  }

  #mark(given: Pick<QueuedRecord, 'made'>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(unavailable('is closed'));
      this.#queue.addAlways({ ...given, at: Date.now(), resolve, reject });
      this.#start();
    });
  }

  #barrier(event: EnteringEvent): Awaitable<void> {
    if (this.#closed) throw unavailable('is closed');
    const entry = this.#queue.entryOf(event);
    if (entry === undefined) throw unavailable('has too many records that wait to be written');
    if (this.#isDown()) throw unavailable('could not be written', this.#failure?.error);
    // a synchronous guard cannot wait: it runs where the sink answers at once
    if (event.synchronous === true && !this.#isWriting) {
      const written = this.#writeAll();
      if (!isThenable(written)) return undefined;
      written.then(undefined, () => {});
      return written;
    }
    return new Promise((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
    });
  }

  #isDown(): boolean {
    return this.#failure !== undefined && Date.now() - this.#failure.atMs < RETRY_MS;
  }

  #start(): void {
    this.#running ??= new Promise((resolve) => setImmediate(resolve)).then(() => this.#run());
  }

  /** Writes group after group, so that while one is written the next one gathers. Never rejects. */
  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#isDown() && !this.#isWriting) {
      await attempt<void, void>(
        () => this.#write(),
        () => this.#checkpointIfDue(),
        () => undefined,
      );
      if (this.#queue.length > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#running = undefined;
    // in `failed`, waiters have their error; the records wait for the next try
    if (this.#queue.length > 0 && !this.#closed) this.#later(RETRY_MS);
    else if (!this.#closed && (this.#writer?.sinceCheckpoint ?? 0) > 0) this.#later(this.#options.checkpointMs);
  }

  #later(ms: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#queue.addAlways({ at: Date.now(), signs: true });
      this.#start();
    }, ms);
    this.#timer.unref?.();
  }

  #writeAll(): Awaitable<void> {
    return chain(this.#write(), () => (this.#queue.length > 0 ? this.#writeAll() : undefined));
  }

  /** Writes the next group. Rejects, or throws, where it could not be written; who waits for it is told. */
  #write(): Awaitable<void> {
    this.#isWriting = true;
    const group = this.#queue.take(GROUP);
    return attempt<void, void>(
      () => chain(this.#opened(), (writer) => this.#append(writer, group)),
      () => {
        this.#isWriting = false;
        for (const { resolve } of group) resolve?.();
      },
      (error) => {
        this.#isWriting = false;
        this.#failed(error, group);
        throw error;
      },
    );
  }

  #append(writer: LogWriter, group: readonly QueuedRecord[]): Awaitable<void> {
    const records: TimedRecord[] = [];
    const written: QueuedRecord[] = [];
    const dropped = this.#queue.takeDropped();
    if (dropped > 0) records.push({ record: { kind: 'dropped', count: dropped }, at: 0 });
    for (const entry of group) {
      const made = madeOf(entry);
      if (made === undefined) continue;
      records.push({ record: made.record, opening: made.opening, at: entry.at });
      written.push(entry);
    }
    this.#unsure = { group: written, size: writer.size + records.length - written.length };
    return chain(writer.append(records), () => {
      this.#unsure = undefined;
      this.#size = writer.size;
      return group.some(({ signs }) => signs === true) ? this.#sign(writer) : undefined;
    });
  }

  #checkpointIfDue(): Awaitable<void> {
    const writer = this.#writer;
    if (writer === undefined || writer.sinceCheckpoint < this.#options.checkpointRecords) return undefined;
    return attempt<void, void>(
      () => this.#sign(writer),
      () => undefined,
      (error) => this.#failed(error, []),
    );
  }

  #sign(writer: LogWriter): Awaitable<void> {
    if (writer.sinceCheckpoint === 0) return undefined;
    return chain(writer.checkpoint([]), (note) => {
      this.#checkpoint = { size: writer.size, atMs: Date.now() };
      const { onCheckpoint } = this.#options;
      if (onCheckpoint !== undefined) callSafely(onCheckpoint, [note], (error) => publishCallbackError('auditLog.onCheckpoint', error));
    });
  }

  #opened(): Awaitable<LogWriter> {
    if (this.#writer !== undefined) return this.#writer;
    const now = Date.now();
    const opening =
      this.#name === undefined
        ? LogWriter.open(this.#options, now)
        : LogWriter.reopen(this.#options, this.#name, now, (size) => this.#settleUnsure(size));
    return chain(opening, (writer) => {
      this.#writer = writer;
      this.#name = writer.writer;
      this.#size = writer.size;
      this.#failure = undefined;
      return writer;
    });
  }

  /** What of the append that failed is in the log; the rest is written now. */
  #settleUnsure(size: number): void {
    const { group, size: before } = this.#unsure ?? { group: [], size };
    this.#unsure = undefined;
    this.#queue.putBack(group.slice(Math.max(0, size - before)).filter(({ event }) => event !== undefined));
  }

  /** Nothing more is written through what has failed: what it wrote is not certain. */
  #failed(error: unknown, group: readonly QueuedRecord[]): void {
    this.#writer = undefined;
    this.#failure = { error, atMs: Date.now() };
    publishCallbackError('auditLog', error);
    // what was not even tried waits for the next try
    if (this.#unsure === undefined) this.#queue.putBack(group.filter(({ event }) => event !== undefined));
    const failure = unavailable('could not be written', error);
    for (const entry of [...group, ...this.#queue.waiting()]) {
      entry.reject?.(failure);
      entry.resolve = undefined;
      entry.reject = undefined;
    }
    this.#queue.forgetMarks();
    callSafely(
      () => this.#options.sink.close(),
      [],
      (closing) => publishCallbackError('auditLog', closing),
    );
  }
}

/** The record of an entry, made when it is written. One that cannot be made is reported, and who waits for it does not run. */
function madeOf(entry: QueuedRecord): OpenRecord | undefined {
  if (entry.made !== undefined || entry.event === undefined) return entry.made;
  try {
    return recordOf(entry.event);
  } catch (error) {
    publishCallbackError('auditLog', error);
    entry.reject?.(unavailable('cannot write this call', error));
    entry.resolve = undefined;
    return undefined;
  }
}

function unavailable(why: string, cause?: unknown): DecisionUnavailableError {
  const message = `The audit log ${why}, so nothing runs that it would have to record. See \`cause\`, and status() of the log.`;
  return new DecisionUnavailableError('audit_unavailable', message, cause === undefined ? undefined : { cause });
}
