import type { StoredRecord } from '../../lib/store/RecordStore.js';

let made = 0;

/** A record of a server, as it is inserted. */
export function storedRecord(more: Partial<StoredRecord> = {}): StoredRecord {
  made += 1;
  return { kind: 'key', id: `k${made}`, version: 1, createdAtMs: made, body: '{"scopes":["decide"]}', ...more };
}

/** A record without its signature. */
export function unsigned(record: StoredRecord): StoredRecord {
  return Object.fromEntries(Object.entries(record).filter(([field]) => field !== 'mac')) as unknown as StoredRecord;
}
