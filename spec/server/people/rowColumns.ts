import type { StoredRecord } from '../../../lib/store/RecordStore.js';

/** The columns of a row, as both databases have them. */
export const COLUMNS = ['kind', 'id', 'version', 'index1', 'index2', 'created_at', 'delete_after', 'body', 'mac'] as const;

/** A row as both databases store it. */
export function columnsOf(row: StoredRecord): readonly (string | number | null)[] {
  const { kind, id, version, index1 = null, index2 = null, createdAtMs, deleteAfterMs = null, body, mac = null } = row;
  return [kind, id, version, index1, index2, createdAtMs, deleteAfterMs, body, mac];
}

/** A row as both databases give it. */
export function rowIn(columns: Readonly<Record<string, unknown>>): StoredRecord {
  const { created_at: createdAtMs, delete_after: deleteAfterMs, version, ...rest } = columns;
  const times = { createdAtMs: Number(createdAtMs), ...(deleteAfterMs !== null && { deleteAfterMs: Number(deleteAfterMs) }) };
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
  return { ...given, ...times, version: Number(version) } as StoredRecord;
}
