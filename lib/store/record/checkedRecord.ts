import { isStorable } from '../../common/data/isStorable.js';
import type { StoredRecord } from '../RecordStore.js';

/** Under this kind, the pages of what has begun are kept beside the lists of records; no record can have it. */
export const BEGUN_KIND = '=begun';

const KIND = /^[a-z][a-z-]{0,31}$/;
const MAX_INDEXED = 256;

/**
 * Checks a record that is about to be stored: every store keeps each of its fields exactly.
 *
 * @param version the version that it must have
 * @throws TypeError where a field cannot be stored
 */
export function checkedRecord(record: StoredRecord, version: number): StoredRecord {
  const { kind, id, index1, index2, createdAtMs, deleteAfterMs, body, mac } = record;
  if (!KIND.test(kind)) throw wrong('kind', 'be 1 to 32 lower-case letters and `-`, and start with a letter');
  for (const [field, text] of Object.entries({ id, index1, index2 }))
    if ((field === 'id' || text !== undefined) && !(isStorable(text) && text.length > 0 && text.length <= MAX_INDEXED))
      throw wrong(field, 'be 1 to 256 characters, none of them U+0000 or half of a pair');
  for (const [field, ms] of Object.entries({ createdAtMs, deleteAfterMs }))
    if ((field === 'createdAtMs' || ms !== undefined) && !Number.isFinite(ms)) throw wrong(field, 'be epoch milliseconds');
  if (!isStorable(body)) throw wrong('body', 'be text as JSON.stringify() makes it');
  if (record.version !== version) throw wrong('version', `be ${version}: 1 for a new record, and one higher with each change`);
  return Object.freeze(withoutAbsent({ kind, id, version, index1, index2, createdAtMs, deleteAfterMs, body, mac }));
}

/** A copy without the fields that are `undefined` or null, as every store returns it. */
export function withoutAbsent<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)) as T;
}

function wrong(field: string, rule: string): TypeError {
  return new TypeError(`The \`${field}\` of a record must ${rule}.`);
}
