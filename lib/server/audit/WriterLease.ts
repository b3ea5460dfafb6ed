import { bootId } from '../../common/nextId.js';
import { monotonicNow } from '../../common/time/SteadyClock.js';
import type { RecordStore, StoredRecord } from '../../store/RecordStore.js';

/** The kind of the records of who writes which log. */
export const WRITER_KIND = 'audit-writer';

/** How often a server says that it lives, in milliseconds. */
export const BEAT_MS = 5_000;
/** A server that has not said so for this long is taken for dead, in milliseconds. */
export const LEASE_MS = 15_000;

/**
 * Says which logs have a living server, so that what a dead one left is written by another one. A server that could not say that it lives for half of the time
 * writes nothing of its own rows before it has said so again.
 */
export class WriterLease {
  readonly #records: RecordStore;
  /** Of each other log: its last sign of life, and since when there was no other. */
  readonly #seen = new Map<string, { readonly version: number; readonly sinceMs: number }>();
  #logId = '';
  #version = 0;
  #saidAtMs = -Infinity;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** Begins to say that the server of this log lives. */
  async begin(logId: string): Promise<void> {
    this.#logId = logId;
    await this.renew();
  }

  /** Whether no other server can take this one for dead. */
  get isFresh(): boolean {
    return monotonicNow() - this.#saidAtMs <= LEASE_MS / 2;
  }

  /** Says that it lives, also where another one had taken it for dead. */
  async renew(): Promise<void> {
    for (;;) {
      // counted from when it was sent
      const sentMs = monotonicNow();
      if (await this.#write(this.#version)) {
        this.#version += 1;
        this.#saidAtMs = sentMs;
        return;
      }
      this.#version = (await this.#records.get(WRITER_KIND, this.#logId))?.version ?? 0;
    }
  }

  /** Other logs whose servers have said nothing for {@link LEASE_MS}. */
  async stale(): Promise<readonly string[]> {
    const { records } = await this.#records.list({ kind: WRITER_KIND, limit: 1_000 });
    const nowMs = monotonicNow();
    const stale: string[] = [];
    for (const { id, version } of records) {
      if (id === this.#logId) continue;
      const seen = this.#seen.get(id);
      if (seen?.version !== version) this.#seen.set(id, { version, sinceMs: nowMs });
      else if (nowMs - seen.sinceMs >= LEASE_MS) stale.push(id);
    }
    return stale;
  }

  /** Takes the server of another log for dead: should it live, it learns of that before it writes. False where it has said that it lives meanwhile. */
  async fence(logId: string): Promise<boolean> {
    const version = this.#seen.get(logId)?.version ?? 0;
    const fenced = await this.#records.replace(signOfLife(logId, version + 1), version);
    if (fenced) this.#seen.set(logId, { version: version + 1, sinceMs: monotonicNow() });
    return fenced;
  }

  /** Forgets a log of which nothing is left to be written. */
  async forget(logId: string): Promise<void> {
    await this.#records.delete(WRITER_KIND, logId, this.#seen.get(logId)?.version ?? 0);
    this.#seen.delete(logId);
  }

  /** Ends in order: nothing is left to be written. */
  async end(): Promise<void> {
    this.#saidAtMs = -Infinity;
    await this.#records.delete(WRITER_KIND, this.#logId, this.#version);
  }

  async #write(version: number): Promise<boolean> {
    const record = signOfLife(this.#logId, version + 1);
    return version === 0 ? this.#records.insert(record) : this.#records.replace(record, version);
  }
}

function signOfLife(id: string, version: number): StoredRecord {
  return { kind: WRITER_KIND, id, version, createdAtMs: Date.now(), body: JSON.stringify({ by: bootId }) };
}
