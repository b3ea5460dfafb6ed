import type { AuditRecord } from '../record/AuditRecord.js';
import { isRecordShape } from './recordShapes.js';

/** Why a line is not a record, in words. */
export type NotARecord = string;

const FIRST: readonly string[] = ['v', 'seq', 'at', 'writer', 'kind'];

/** Reads the line of a record. It is the one line that is written for what it says, or it is not a record. */
export function readRecord(line: string): AuditRecord | NotARecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'it is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is not an object';
  const record = value as Record<string, unknown>;
  if (!isSorted(record) || JSON.stringify(record) !== line) return 'it is not written in the one way in which records are written';
  return isRecordShape(record) ? record : 'it lacks a field of its kind, or has a value that the field cannot have';
}

/** The first fields in their order, and the others sorted. */
function isSorted(record: Record<string, unknown>): boolean {
  let place = 0;
  let last = '';
  for (const key in record) {
    if (place < FIRST.length) {
      if (key !== FIRST[place]) return false;
      place += 1;
    } else {
      if (key <= last) return false;
      last = key;
    }
  }
  return place === FIRST.length;
}
