import { lastNote } from '../../audit/writer/lastNote.js';
import type { RecordStore } from '../../store/RecordStore.js';
import type { LogFeed } from './LogFeed.js';

/** The kind of the records of how far each log has come. */
export const HEAD_KIND = 'audit-head';

/** Keeps the last checkpoint of a log in the store, so that a log that is gone, or was cut off, is noticed by who has the store. The checkpoint is signed itself. */
export class StoredHeads {
  readonly #records: RecordStore;
  #kept: string | undefined;

  /** The checkpoints that are kept, one for each log. */
  static async of(records: RecordStore): Promise<readonly string[]> {
    const { records: found } = await records.list({ kind: HEAD_KIND, limit: Infinity });
    return found.map(({ body }) => (JSON.parse(body) as { readonly note: string }).note);
  }

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** Keeps the last checkpoint of the log, if there is a new one. */
  async keep({ log, logId, writer }: LogFeed): Promise<void> {
    const note = await lastNote(log.source, writer);
    if (note === undefined || note === this.#kept) return;
    const before = await this.#records.get(HEAD_KIND, logId);
    const { version = 0 } = before ?? {};
    const record = { kind: HEAD_KIND, id: logId, version: version + 1, createdAtMs: Date.now(), body: JSON.stringify({ note }) };
    if (before === undefined ? await this.#records.insert(record) : await this.#records.replace(record, version)) this.#kept = note;
  }
}
