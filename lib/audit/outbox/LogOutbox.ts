import { attempt, chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { ApprovalEvent, EventOutbox, OutboxPlace } from '../../store/record/EventOutbox.js';
import type { SignableRecordStore, StoredRecord } from '../../store/RecordStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import { approvalRecords } from '../record/approvalRecords.js';
import type { NewRecord } from '../record/AuditRecord.js';
import type { NewOpening, OpenRecord } from '../record/OpenRecord.js';
import { recordOf } from '../record/recordOf.js';
import type { AuditSink } from '../sink/AuditSink.js';
import type { KeptRows } from './KeptRows.js';
import { logPlaces } from './logPlaces.js';
import { EVENT_KIND, OutboxRows } from './OutboxRows.js';
import type { OutboxRow, RowTarget } from './OutboxRows.js';

/** The log of an outbox. */
export interface OutboxLog {
  readonly sink: AuditSink;
  readonly isRequired: boolean;
  readonly kept: KeptRows;
  /** How many records are on disk. */
  readonly size: () => number;
  /** The name of the log, once it is open. */
  readonly writer: () => string | undefined;
  /** Opens it where it is not open, and writes what waits. @throws DecisionUnavailableError `audit_unavailable` */
  flush(): Promise<void>;
  write(record: NewRecord, opening: NewOpening | undefined): Promise<number>;
}

/** How often it is looked for what processes have left that have ended, in milliseconds. */
const SWEEP_MS = 10_000;
/** How long after a failure it is looked what of it is written. */
const RETRY_MS = 1_000;
const PAGE = 1_000;
const KINDS: readonly string[] = ['opened', 'verdict', 'amended', 'consumed', 'begun', 'ended'];

/**
 * What the log of a program has still to write of its approvals. A change and its row are one transaction; the row is deleted once the record is durable. A row is
 * written by the process that has its log open; of a process that has ended, by the one that goes on with its log, or by another one while no one has that log open.
 */
export class LogOutbox implements EventOutbox {
  readonly #log: OutboxLog;
  readonly #place: OutboxPlace;
  readonly #rows: OutboxRows;
  #records: SignableRecordStore | undefined;
  #logId: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  /** Rows whose record is durable, to be deleted. */
  readonly #written = new Set<string>();
  #discarding: Promise<void> | undefined;

  constructor(log: OutboxLog, place: OutboxPlace) {
    this.#log = log;
    this.#place = place;
    this.#rows = new OutboxRows({ stateKey: place.stateKey, tenantId: DEFAULT_TENANT, kind: EVENT_KIND });
  }

  async open(): Promise<void> {
    const records = this.#place.records();
    if (records?.insertsBeside !== true || records.discard === undefined) return;
    this.#records = records;
    await this.#sweepQuietly(records);
    this.#timer = setInterval(() => void this.#sweepQuietly(records), SWEEP_MS);
    this.#timer.unref();
  }

  commit(events: readonly ApprovalEvent[], change: (beside?: readonly StoredRecord[]) => Awaitable<boolean>): Awaitable<boolean> {
    if (this.#records === undefined) return change();
    return chain(this.#target(events), (target) => (target === undefined ? change() : this.#commit(events, target, change)));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#records === undefined) return;
    await this.#sweeping;
    // what cannot be written now is written by the next process
    await this.#log.flush().catch(() => {});
    while ((this.#sweeping ?? this.#discarding) !== undefined) await (this.#sweeping ?? this.#discarding);
    clearTimeout(this.#soon);
    this.#records = undefined;
  }

  #commit(
    events: readonly ApprovalEvent[],
    target: RowTarget,
    change: (beside: readonly StoredRecord[]) => Awaitable<boolean>,
  ): Awaitable<boolean> {
    const nowMs = Date.now();
    const made = events.map((event) => this.#rows.make(openRecordOf(event), target, nowMs));
    const { kept } = this.#log;
    for (const [i, { id }] of made.entries())
      kept.expect(events[i] as ApprovalEvent, {
        id,
        wrote: () => this.#wrote(id),
        leave: () => {
          kept.end(id);
          this.#sweepSoon();
        },
      });
    const undone = (): void => made.forEach(({ id }) => kept.end(id));
    return attempt<boolean, boolean>(
      () => change(made),
      (isMade) => {
        if (!isMade) undone();
        return isMade;
      },
      (error) => {
        // it may have been made, and its answer lost: then its row is swept
        undone();
        throw error;
      },
    );
  }

  /** Where records go; `undefined` where that is not known, and need not be. */
  #target(events: readonly ApprovalEvent[]): Awaitable<RowTarget | undefined> {
    if (this.#logId !== undefined) return { logId: this.#logId, from: this.#log.size() };
    const isNeeded = this.#log.isRequired && events.some(({ kind }) => kind !== 'ended');
    return this.#opened().then(
      (logId) => ({ logId, from: this.#log.size() }),
      (error: unknown) => {
        if (isNeeded) throw error;
        return undefined;
      },
    );
  }

  async #opened(): Promise<string> {
    await this.#log.flush();
    // a log that is open has a name and a first line
    this.#logId ??= (await logPlaces.idOf(this.#log.sink.source, this.#log.writer() as string)) as string;
    return this.#logId;
  }

  #sweepSoon(): void {
    const records = this.#records;
    if (records === undefined) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.#sweepQuietly(records);
    }, RETRY_MS).unref();
  }

  #sweepQuietly(records: SignableRecordStore): Promise<void> {
    this.#sweeping ??= this.#sweep(records)
      .catch((error: unknown) => publishCallbackError('sweeping the audit outbox', error))
      .finally(() => (this.#sweeping = undefined));
    return this.#sweeping;
  }

  /** Writes what is left in the store: of this log, and of logs that no one has open. */
  async #sweep(records: SignableRecordStore): Promise<void> {
    const { sink, kept } = this.#log;
    const logId = await this.#opened();
    if (this.#written.size > 0) this.#discardSoon();
    const others = new Map<string, StoredRecord[]>();
    for (const row of (await records.list({ kind: EVENT_KIND, limit: PAGE })).records) {
      if (kept.isBusy(row.id)) continue;
      const { index2: of = '' } = row;
      if (of === logId) await this.#writeLate(row, logId);
      else others.set(of, [...(others.get(of) ?? []), row]);
    }
    for (const [of, rows] of others) {
      const writer = await logPlaces.writerOf(sink.source, of);
      if (writer === undefined) continue;
      await logPlaces.whileFree(sink, writer, async () => {
        for (const row of rows) await this.#writeLate(row, logId);
      });
    }
  }

  async #writeLate(row: StoredRecord, logId: string): Promise<void> {
    const { sink, kept } = this.#log;
    const read = this.#rows.read(row);
    if (read === undefined || !KINDS.includes(read.entry.record.kind) || !kept.begin(row.id)) return;
    try {
      if ((await logPlaces.has(sink.source, row.id, read)) !== true && !(await this.#move(row, read, logId))) return kept.end(row.id);
      this.#wrote(row.id);
    } catch (error) {
      kept.end(row.id);
      throw error;
    }
  }

  /** Writes a record to this log. False where someone else was first. */
  async #move(row: StoredRecord, read: OutboxRow, logId: string): Promise<boolean> {
    const moved = this.#rows.moved(row, read, { logId, from: this.#log.size() });
    if ((await this.#records?.replace(moved, row.version)) !== true) return false;
    const { record, opening } = read.entry;
    await this.#log.write({ ...record, committedAt: read.at }, opening);
    return true;
  }

  #wrote(id: string): void {
    this.#written.add(id);
    this.#discardSoon();
  }

  /** Deletes the rows of records that are durable, those of one turn together. */
  #discardSoon(): void {
    this.#discarding ??= new Promise((resolve) => setImmediate(resolve)).then(async () => {
      const ids = [...this.#written];
      let isDone = false;
      try {
        await this.#records?.discard?.(EVENT_KIND, ids);
        for (const id of ids) {
          this.#written.delete(id);
          this.#log.kept.end(id);
        }
        isDone = true;
      } catch (error) {
        publishCallbackError('deleting rows of the audit outbox', error);
      } finally {
        this.#discarding = undefined;
      }
      if (isDone && this.#written.size > 0) this.#discardSoon();
    });
  }
}

function openRecordOf(event: ApprovalEvent): OpenRecord {
  // the task of an approval is made after it
  if (event.kind === 'opened' && event.approval !== undefined) return approvalRecords.opened(event.approval);
  return recordOf(event as Parameters<typeof recordOf>[0]);
}
