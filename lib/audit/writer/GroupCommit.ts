import { attempt, callSafely, chain, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { recordOf } from '../record/recordOf.js';
import type { OpenRecord } from '../record/OpenRecord.js';
import type { OtherHead } from '../tree/checkpoint.js';
import { auditUnavailable } from './auditUnavailable.js';
import type { CheckedAuditLogOptions } from './AuditLogOptions.js';
import { LogWriter } from './LogWriter.js';
import type { TimedRecord } from './LogWriter.js';
import { OtherHeads } from './OtherHeads.js';
import type { QueuedRecord, RecordQueue } from './RecordQueue.js';

/** As many records as take about 2 ms to make. */
const GROUP = 256;
/** How long a log that has failed is left alone, in milliseconds. */
const RETRY_MS = 1_000;

/** An append that failed: whether its records were written is known once the log is open again. */
interface UnsureAppend {
  readonly group: readonly QueuedRecord[];
  /** How many records the log had before, with that of those that were dropped. */
  readonly size: number;
  readonly dropped: number;
}

/** Writes the records of a queue, group after group: while one is written, the next one gathers. */
export class GroupCommit {
  readonly #options: CheckedAuditLogOptions;
  readonly #queue: RecordQueue;
  readonly #others: OtherHeads;
  #writer: LogWriter | undefined;
  #name: string | undefined;
  #size = 0;
  #checkpoint: { readonly size: number; readonly atMs: number } | undefined;
  #failure: { readonly error: unknown; readonly atMs: number } | undefined;
  #unsure: UnsureAppend | undefined;
  /** Settles when what has failed is closed: it is opened again after that. */
  #closing: Promise<void> = Promise.resolve();
  #writing: Promise<void> | undefined;
  /** A checkpoint that is being made. Meanwhile groups are written. */
  #signing: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether it is time for a checkpoint. */
  #isSignDue = false;
  #isOver = false;

  constructor(options: CheckedAuditLogOptions, queue: RecordQueue) {
    this.#options = options;
    this.#queue = queue;
    this.#others = new OtherHeads(options.sink.source, options.origin);
  }

  /** The name of the log, once it was open. It stays over failures. */
  get name(): string | undefined {
    return this.#name;
  }

  get isOpen(): boolean {
    return this.#writer !== undefined;
  }

  /** How many records are on disk. */
  get size(): number {
    return this.#size;
  }

  get checkpoint(): { readonly size: number; readonly atMs: number } | undefined {
    return this.#checkpoint;
  }

  /** Why nothing can be written. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Whether the log has failed a moment ago, so that nothing is tried now. */
  get isDown(): boolean {
    return this.#failure !== undefined && Date.now() - this.#failure.atMs < RETRY_MS;
  }

  /** Has what waits written, in a later turn of the event loop. */
  start(): void {
    this.#running ??= turn().then(() => this.#run());
  }

  /** Writes what waits now: at once where the sink answers at once. Rejects, or throws, where it cannot be written. */
  writeNow(): Awaitable<void> {
    if (this.#writing !== undefined) return this.#writing.then(() => this.writeNow());
    return this.#queue.length === 0 ? undefined : chain(this.#write(), () => this.writeNow());
  }

  /** Writes what waits, then that the log is closed, signs it and lets it go. */
  async close(): Promise<void> {
    this.#isOver = true;
    if (this.#queue.length > 0) this.start();
    while (this.#running !== undefined) await this.#running;
    while (this.#signing !== undefined) await this.#signing;
    clearTimeout(this.#timer);
    this.#fail(this.#queue.take(Infinity), auditUnavailable('is closed'));
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined) {
      try {
        await writer.append([{ record: { kind: 'closed' }, at: Date.now() }]);
        this.#size = writer.size;
        await this.#signWith(writer, await this.#others.besides(writer.writer));
      } catch (error) {
        this.#failed(error);
      }
    }
    await this.#closing;
    await this.#options.sink.close();
  }

  async #run(): Promise<void> {
    do await this.#writeAll();
    while (this.#queue.length > 0 && !this.isDown);
    this.#running = undefined;
    if (this.#isOver) return;
    // after a failure, what waits is written when the log is open again
    if (this.#queue.length > 0) this.#later(RETRY_MS);
    else if ((this.#writer?.sinceCheckpoint ?? 0) > 0) this.#later(this.#options.checkpointMs);
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0 && !this.isDown) {
      await attempt<void, void>(
        () => this.#writing ?? this.#write(),
        () => this.#signIfDue(),
        () => undefined,
      );
      if (this.#queue.length > 0) await turn();
    }
    this.#signIfDue();
  }

  #later(ms: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#queue.addAlways({ at: Date.now(), signs: true });
      this.start();
    }, ms);
    this.#timer.unref?.();
  }

  /** Writes the next group. Rejects, or throws, where that failed; who waits for it is told. */
  #write(): Awaitable<void> {
    const written = attempt<void, void>(
      () => chain(this.#opened(), (writer) => this.#append(writer, this.#queue.take(GROUP))),
      () => undefined,
      (error) => {
        this.#failed(error);
        throw error;
      },
    );
    if (!isThenable(written)) return undefined;
    const writing = Promise.resolve(written).finally(() => (this.#writing = undefined));
    this.#writing = writing;
    return writing;
  }

  #append(writer: LogWriter, group: readonly QueuedRecord[]): Awaitable<void> {
    const records: TimedRecord[] = [];
    const written: QueuedRecord[] = [];
    const dropped = this.#queue.takeDropped();
    if (dropped > 0) records.push({ record: { kind: 'dropped', count: dropped }, at: 0 });
    const { length } = records;
    for (const entry of group) {
      const made = madeOf(entry);
      if (made === undefined) continue;
      records.push({ record: made.record, opening: made.opening, at: entry.at });
      written.push(entry);
    }
    const first = writer.size + length;
    return attempt<void, void>(
      () => writer.append(records),
      () => {
        this.#size = writer.size;
        for (const [i, { resolve, kept }] of written.entries()) {
          resolve?.(first + i);
          kept?.wrote();
        }
        for (const { resolve } of group) resolve?.();
        this.#isSignDue ||= group.some(({ signs }) => signs === true);
      },
      (error) => {
        this.#unsure = { group: written, size: writer.size + length, dropped };
        this.#fail(group, auditUnavailable('could not be written', error));
        throw error;
      },
    );
  }

  #signIfDue(): void {
    const writer = this.#writer;
    if (this.#signing !== undefined || writer === undefined) return;
    const { sinceCheckpoint } = writer;
    const isDue = sinceCheckpoint >= (this.#isSignDue ? 1 : this.#options.checkpointRecords);
    if (isDue || sinceCheckpoint === 0) this.#isSignDue = false;
    if (!isDue) return;
    this.#signing = this.#sign(writer)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#signing = undefined;
        // what came meanwhile may be due too
        this.#signIfDue();
      });
  }

  async #sign(writer: LogWriter): Promise<void> {
    const others = await this.#others.besides(writer.writer);
    // the log may have failed meanwhile: what is open now is another opening of it
    if (this.#writer === writer) await this.#signWith(writer, others);
  }

  #signWith(writer: LogWriter, others: readonly OtherHead[]): Awaitable<void> {
    const { size } = writer;
    return chain(writer.checkpoint(others), (note) => {
      this.#checkpoint = { size, atMs: Date.now() };
      const { onCheckpoint } = this.#options;
      if (onCheckpoint !== undefined) callSafely(onCheckpoint, [note], (error) => publishCallbackError('auditLog.onCheckpoint', error));
    });
  }

  #opened(): Awaitable<LogWriter> {
    if (this.#writer !== undefined) return this.#writer;
    const name = this.#name;
    const now = Date.now();
    const open = (): Awaitable<LogWriter> =>
      name === undefined
        ? LogWriter.open(this.#options, now)
        : LogWriter.reopen(this.#options, name, now, (size) => this.#settleUnsure(size));
    return chain(this.#failure === undefined ? open() : this.#closing.then(open), (writer) => {
      this.#writer = writer;
      this.#name = writer.writer;
      this.#size = writer.size;
      this.#failure = undefined;
      return writer;
    });
  }

  /** What of the append that failed is in the log; the rest is written now, before all that came later. */
  #settleUnsure(size: number): void {
    this.#leaveKept(this.#queue.takeKept());
    const unsure = this.#unsure;
    if (unsure === undefined) return;
    this.#unsure = undefined;
    const there = Math.max(0, size - unsure.size);
    for (const { kept } of unsure.group.slice(0, there)) kept?.wrote();
    const rest = unsure.group.slice(there);
    this.#leaveKept(rest);
    this.#queue.putBack(rest.filter(({ event, kept }) => event !== undefined && kept === undefined));
    if (size < unsure.size) this.#queue.countDropped(unsure.dropped);
  }

  /** What a store keeps is written by who finds it there. */
  #leaveKept(entries: readonly QueuedRecord[]): void {
    this.#fail(entries, auditUnavailable('was opened again'));
    for (const { kept } of entries) kept?.leave();
  }

  /** Nothing more is written through what has failed: what it wrote is not certain. */
  #failed(error: unknown): void {
    this.#writer = undefined;
    this.#failure = { error, atMs: Date.now() };
    publishCallbackError('auditLog', error);
    this.#fail(this.#queue.waiting(), auditUnavailable('could not be written', error));
    this.#leaveKept(this.#queue.takeKept());
    this.#queue.forgetMarks();
    const report = (closing: unknown): void => publishCallbackError('auditLog', closing);
    const closing = attempt<void, void>(
      () => this.#options.sink.close(),
      () => undefined,
      report,
    );
    // a group and a checkpoint may fail at the same time
    this.#closing = Promise.all([this.#closing, closing]).then(() => {});
  }

  /** Tells those who wait. What they waited for is still written, if it was an event: with it, the log says that nothing ran. */
  #fail(entries: readonly QueuedRecord[], failure: Error): void {
    for (const entry of entries) {
      entry.reject?.(failure);
      entry.resolve = undefined;
      entry.reject = undefined;
    }
  }
}

/** The record of an entry, made when it is written. One that cannot be made is reported, and the call that waits for it does not run. */
function madeOf(entry: QueuedRecord): OpenRecord | undefined {
  if (entry.made !== undefined || entry.event === undefined) return entry.made;
  try {
    const made = recordOf(entry.event);
    return entry.kept === undefined ? made : { ...made, record: { ...made.record, change: entry.kept.id } };
  } catch (error) {
    publishCallbackError('auditLog', error);
    entry.reject?.(auditUnavailable('cannot record this call', error));
    entry.resolve = undefined;
    entry.kept?.leave();
    return undefined;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
