import type { StoredRecord } from '../RecordStore.js';

/** Where a record stands in a list: lists are in the order of creation, and of ids where that is the same. */
export type RecordPlace = readonly [createdAtMs: number, id: string];

/** Follows every record. */
const LAST: RecordPlace = [Infinity, ''];

/** The text that a page gives for the next one. */
export function recordCursor({ createdAtMs, id }: Pick<StoredRecord, 'createdAtMs' | 'id'>): string {
  return Buffer.from(JSON.stringify([createdAtMs, id])).toString('base64url');
}

/** The place that a cursor names; another text is followed by nothing. */
export function placeOf(cursor: string): RecordPlace {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(place) && typeof place[0] === 'number' && typeof place[1] === 'string' ? [place[0], place[1]] : LAST;
  } catch {
    return LAST;
  }
}

/** Compares two places as every store does: ids by their UTF-8 bytes. */
export function comparePlaces([atA, idA]: RecordPlace, [atB, idB]: RecordPlace): number {
  return atA - atB || Buffer.compare(Buffer.from(idA), Buffer.from(idB));
}
