import { isStorable } from '../../common/data/isStorable.js';
import { setOwn } from '../../common/data/plainObject.js';
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
  checkText('id', id);
  if (index1 !== undefined) checkText('index1', index1);
  if (index2 !== undefined) checkText('index2', index2);
  if (!Number.isFinite(createdAtMs)) throw wrong('createdAtMs', 'be epoch milliseconds');
  if (deleteAfterMs !== undefined && !Number.isFinite(deleteAfterMs)) throw wrong('deleteAfterMs', 'be epoch milliseconds');
  if (!isStorable(body)) throw wrong('body', 'be text as JSON.stringify() makes it');
  if (record.version !== version) throw wrong('version', `be ${version}: 1 for a new record, and one higher with each change`);
  // field after field: every use of a grant comes through here
  const checked: { -readonly [K in keyof StoredRecord]: StoredRecord[K] } = { kind, id, version, createdAtMs, body };
  if (index1 !== undefined) checked.index1 = index1;
  if (index2 !== undefined) checked.index2 = index2;
  if (deleteAfterMs !== undefined) checked.deleteAfterMs = deleteAfterMs;
  if (mac !== undefined && mac !== null) checked.mac = mac;
  return Object.freeze(checked);
}

function checkText(field: string, text: unknown): void {
  if (!(isStorable(text) && text.length > 0 && text.length <= MAX_INDEXED))
    throw wrong(field, 'be 1 to 256 characters, none of them U+0000 or half of a pair');
}

/** A copy without the fields that are `undefined` or null, as every store returns it. */
export function withoutAbsent<T extends object>(fields: T): T {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null) setOwn(copy, name, value);
  return copy as T;
}

function wrong(field: string, rule: string): TypeError {
  return new TypeError(`The \`${field}\` of a record must ${rule}.`);
}
