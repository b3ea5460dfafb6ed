import type { RecordPage, RecordQuery, RecordStore, StoredRecord } from '../../../lib/store/RecordStore.js';

/** Records in a Map, for specs of what is kept in them. */
export class MapRecordStore implements RecordStore {
  readonly rows = new Map<string, StoredRecord>();
  /** How often a record was read. */
  reads = 0;

  insert(record: StoredRecord): boolean {
    if (this.rows.has(record.id)) return false;
    this.rows.set(record.id, record);
    return true;
  }

  async get(kind: string, id: string): Promise<StoredRecord | undefined> {
    this.reads += 1;
    const record = this.rows.get(id);
    await Promise.resolve();
    return record?.kind === kind ? record : undefined;
  }

  replace(record: StoredRecord, version: number): boolean {
    if (this.rows.get(record.id)?.version !== version) return false;
    this.rows.set(record.id, record);
    return true;
  }

  delete(_: string, id: string, version: number): boolean {
    return this.rows.get(id)?.version === version && this.rows.delete(id);
  }

  list({ kind, limit = 200 }: RecordQuery): RecordPage {
    return { records: [...this.rows.values()].filter((row) => row.kind === kind).slice(0, limit) };
  }

  prune(): number {
    return 0;
  }
}
