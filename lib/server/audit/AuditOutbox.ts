import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { LruMap } from '../../common/LruMap.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { SignableRecordStore, StoredRecord } from '../../store/RecordStore.js';
import type { ChangeOutbox } from './ChangeOutbox.js';
import type { LogFeed } from './LogFeed.js';
import { auditUnavailable } from './LogFeed.js';
import type { LogPlace } from './LogFeed.js';
import { HOST_LOG, OUTBOX_KIND } from '../../audit/outbox/OutboxRows.js';
import type { OutboxRow, OutboxRows } from '../../audit/outbox/OutboxRows.js';
import type { WriterLease } from './WriterLease.js';

/** Where a record of an approval is. */
export interface ApprovalPlace extends LogPlace {
  /** Such as `verdict`. */
  readonly kind: string;
}

/** What an {@link AuditOutbox} needs. */
export interface AuditOutboxOptions {
  /** Of the tenant, not signed. */
  readonly records: SignableRecordStore;
  readonly rows: OutboxRows;
  /** The records of the tenant are those of a module, which name no tenant. */
  readonly isOfModule?: boolean | undefined;
  readonly feed: LogFeed;
  readonly lease: WriterLease;
  readonly now: () => number;
  /** How long it is known where in a log the records of an approval are, in milliseconds. */
  readonly keepMs: number;
  /** Called where a record could not be written: its row waits to be swept. */
  readonly onFailed: () => void;
  /** Told of an approval whose change was written late, so that it could not be told when it was made. */
  readonly onLate: (decisionId: string) => void;
}

/** How long a reader waits for a change to be written, in milliseconds: as long as a disk may take. */
const WAIT_MS = 1_000;
const POLL_MS = 10;
/** The kind of the records of where in a log a record of an approval is. */
const PLACE_KIND = 'audit-place';
const PAGE = 1_000;

/**
 * The outbox of one tenant: the changes that are committed and not yet in the log. A change and its row are one transaction, so that a crash between a change and
 * its record loses none; the row is deleted once the record is durable. A change is in one log, once.
 */
export class AuditOutbox implements ChangeOutbox {
  readonly #options: AuditOutboxOptions;
  /** Rows that this process is writing, from before they are committed. */
  readonly #writing = new Set<string>();
  /** Rows whose record is durable, and that are not deleted yet. */
  readonly #written = new Set<string>();
  /** Approvals of which nothing was open at that version. */
  readonly #clear = new LruMap<string, number>(10_000);
  #discarding: Promise<void> | undefined;
  /** To be kept when the rows of these records are deleted. */
  readonly #places: StoredRecord[] = [];

  constructor(options: AuditOutboxOptions) {
    this.#options = options;
  }

  /**
   * Makes a change together with the rows of its records, and resolves once they are durable.
   *
   * @param change gets the rows; resolves to whether it was made
   * @throws RequestError 503 `audit_unavailable` where the log cannot be written: before the change where that is known, else after it
   */
  commit(entries: readonly OpenRecord[], change: (beside: readonly StoredRecord[]) => Awaitable<boolean>): Awaitable<boolean> {
    const { feed, rows, now } = this.#options;
    if (entries.length === 0) return change([]);
    return chain(feed.target(), (target) =>
      this.#commit(
        entries.map((entry) => rows.make(entry, target, now())),
        change,
      ),
    );
  }

  async #commit(made: readonly StoredRecord[], change: (beside: readonly StoredRecord[]) => Awaitable<boolean>): Promise<boolean> {
    for (const { id } of made) this.#writing.add(id);
    const done = (): void => made.forEach(({ id }) => this.#writing.delete(id));
    let isMade = false;
    try {
      isMade = await change(made);
    } finally {
      // where its answer was lost, what it left is swept
      if (!isMade) done();
    }
    if (!isMade) return false;
    const written = this.#writeFresh(made).finally(done);
    if (this.#options.feed.isRequired) await written;
    else written.catch((error: unknown) => publishCallbackError('writing the audit log', error));
    return true;
  }

  /** Resolves when everything that is known of an approval at this version is in the log. @throws RequestError 503 `audit_unavailable` */
  settled(decisionId: string, version: number): Awaitable<void> {
    if (!this.#options.feed.isRequired || this.#clear.get(decisionId) === version) return undefined;
    return chain(this.#open(decisionId), (open) =>
      open.length > 0 ? this.#wait(decisionId, version, open) : this.#clear.set(decisionId, version),
    );
  }

  /** The approvals that have a change which is not in the log, after a moment in which it could have been written. */
  async unsettled(): Promise<ReadonlySet<string>> {
    if (!this.#options.feed.isRequired) return new Set();
    for (let left = WAIT_MS / POLL_MS; ; left--) {
      const rows = await this.#open();
      const open = new Set(rows.flatMap(({ index1 }) => index1 ?? []));
      if (open.size > 0) await this.#writeOfHost(rows);
      if (open.size === 0 || left <= 0 || this.#options.feed.isFailing) return open;
      await sleep(POLL_MS);
    }
  }

  /**
   * Writes what was left: by this server in another life or because the log had failed, and by servers that are dead.
   *
   * @param dead the ids of their logs
   * @returns the logs of which there are rows that could not be written
   */
  async sweep(dead: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const { records, feed, now } = this.#options;
    const left = new Set<string>();
    await records.prune(PLACE_KIND, now());
    for (const id of this.#written) if (this.#discarding === undefined) this.#discard([id]);
    for (const row of (await records.list({ kind: OUTBOX_KIND, limit: PAGE })).records) {
      const logId = row.index2 ?? '';
      if (this.#writing.has(row.id) || this.#written.has(row.id)) continue;
      if (logId !== feed.logId && logId !== HOST_LOG && !dead.has(logId)) continue;
      const read = this.#options.rows.read(row);
      if (read !== undefined && !(await this.#writeLate(row, read))) left.add(logId);
    }
    return left;
  }

  /** Resolves when all rows that were written are deleted. */
  async drained(): Promise<void> {
    while (this.#discarding !== undefined) await this.#discarding;
  }

  async #writeFresh(made: readonly StoredRecord[]): Promise<void> {
    const { lease, feed, rows } = this.#options;
    if (!lease.isFresh) {
      // another server may have taken this one for dead, and may be writing them
      await lease.renew();
      for (const row of made) {
        const read = rows.read(row);
        if (read !== undefined) await this.#write(row, read);
      }
      return;
    }
    try {
      await Promise.all(
        made.map(async (row) => {
          const { entry } = rows.read(row) as OutboxRow;
          const seq = await feed.write(entry);
          this.#note(row, entry, { writer: feed.writer, seq });
        }),
      );
    } catch (error) {
      this.#options.onFailed();
      throw error;
    }
    this.#wrote(made.map(({ id }) => id));
  }

  /** As {@link #write}, unless this process is writing the row already. */
  async #writeLate(row: StoredRecord, read: OutboxRow): Promise<boolean> {
    if (this.#writing.has(row.id)) return true;
    this.#writing.add(row.id);
    try {
      return await this.#write(row, read);
    } finally {
      this.#writing.delete(row.id);
    }
  }

  /** Writes a row that another server may want to write too. False where it could not be found out whether it is in the log. */
  async #write(row: StoredRecord, read: OutboxRow): Promise<boolean> {
    const { feed, records, rows, onLate } = this.#options;
    const isOwn = read.logId === feed.logId;
    const entry = this.#options.isOfModule === true ? withoutTenant(read.entry) : read.entry;
    if (isOwn) await feed.flush();
    // a command writes no log: the row of one is moved to a log before it is written
    const found = read.logId === HOST_LOG ? 'absent' : await feed.find(row.id, read);
    if (found === undefined) return false;
    let place = found;
    if (place === 'absent') {
      // who changes the row writes it
      const target = isOwn ? read : await feed.target();
      if (!(await records.replace(rows.moved(row, read, target), row.version))) return true;
      const { record, opening } = entry;
      const seq = await feed.write({ record: { ...record, committedAt: read.at }, opening });
      place = { writer: feed.writer, seq };
    }
    this.#note(row, read.entry, place);
    this.#wrote([row.id]);
    if (row.index1 !== undefined) onLate(row.index1);
    return true;
  }

  /** Where the records of an approval are in the logs, oldest first; but for that of its beginning. */
  async placesOf(decisionId: string): Promise<readonly ApprovalPlace[]> {
    const { records } = await this.#options.records.list({ kind: PLACE_KIND, index1: decisionId, limit: PAGE });
    return records.map(({ body }) => JSON.parse(body) as ApprovalPlace);
  }

  /** What became of an approval is looked for later. Where it was opened is not: that would make each one dearer, also those that no one decides. */
  #note({ id, index1 }: StoredRecord, { record: { kind } }: OpenRecord, { writer, seq }: LogPlace): void {
    if (index1 === undefined || kind === 'opened') return;
    const { now, keepMs } = this.#options;
    const nowMs = now();
    const place: ApprovalPlace = { writer, seq, kind };
    const stored = { kind: PLACE_KIND, id, version: 1, index1, createdAtMs: nowMs, deleteAfterMs: nowMs + keepMs };
    this.#places.push({ ...stored, body: JSON.stringify(place) });
  }

  #wrote(ids: readonly string[]): void {
    for (const id of ids) this.#written.add(id);
    this.#discard(ids);
  }

  /** Deletes rows, those of one turn together. One that cannot be deleted is deleted later. */
  #discard(ids: readonly string[]): void {
    this.#discarding ??= new Promise((resolve) => setImmediate(resolve)).then(async () => {
      const gone = new Set([...ids, ...this.#written]);
      try {
        const places = this.#places.splice(0);
        await this.#options.records.discard?.(OUTBOX_KIND, [...gone], places);
        for (const id of gone) this.#written.delete(id);
      } catch (error) {
        publishCallbackError('deleting rows of the audit outbox', error);
        return;
      } finally {
        this.#discarding = undefined;
      }
      if (this.#written.size > 0) this.#discard([]);
    });
  }

  /** Rows that the host's operator has left wait for no one else. */
  async #writeOfHost(open: readonly StoredRecord[]): Promise<void> {
    for (const row of open) {
      const read = row.index2 === HOST_LOG && !this.#writing.has(row.id) ? this.#options.rows.read(row) : undefined;
      if (read !== undefined) await this.#writeLate(row, read);
    }
  }

  async #wait(decisionId: string, version: number, open: readonly StoredRecord[]): Promise<void> {
    await this.#writeOfHost(open);
    // a log that cannot be written will not have it soon
    for (let left = WAIT_MS / POLL_MS; left > 0 && !this.#options.feed.isFailing; left--) {
      if ((await this.#open(decisionId)).length === 0) return this.#clear.set(decisionId, version);
      await sleep(POLL_MS);
    }
    throw auditUnavailable(undefined);
  }

  #open(decisionId?: string): Awaitable<readonly StoredRecord[]> {
    const { records, rows } = this.#options;
    return chain(records.list({ kind: OUTBOX_KIND, index1: decisionId, limit: PAGE }), (page) =>
      page.records.filter((row) => !this.#written.has(row.id) && rows.read(row) !== undefined),
    );
  }
}

/** A command of the operator does not know that the log is that of a module. */
function withoutTenant({ record, opening }: OpenRecord): OpenRecord {
  return { record: { ...record, ...('tenantId' in record && { tenantId: undefined }) }, opening };
}
