import type { AuditRecord } from '../../record/AuditRecord.js';
import { isRecordShape } from './recordShapes.js';

/** Why a line is not a record, in words. */
export type NotARecord = string;

interface Unicode {
  isWellFormed(): boolean;
}

/** No record is nested deeper, and what is nested without end would end the reader. */
const MAX_DEPTH = 32;
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
  if (!isCanonical(record, line)) return 'it is not written in the one way in which records are written';
  if (!(line as unknown as Unicode).isWellFormed()) return 'it is not Unicode text';
  return isRecordShape(record) ? record : 'it lacks a field of its kind, or has a value that the field cannot have';
}

/** Whether the first fields are in their order and the others sorted, and nothing is written in another way than JSON.stringify writes it. */
function isCanonical(record: Record<string, unknown>, line: string): boolean {
  let place = 0;
  let last = '';
  let length = 1;
  for (const key in record) {
    if (place < FIRST.length) {
      if (key !== FIRST[place]) return false;
      place += 1;
    } else {
      if (key <= last) return false;
      last = key;
      length += key.length + 4 + plainLength(record[key]);
    }
  }
  if (place !== FIRST.length) return false;
  const { v, seq, at, writer, kind } = record;
  const start = `{"v":${String(v)},"seq":${String(seq)},"at":${String(at)},"writer":"${String(writer)}","kind":"${String(kind)}"`;
  // without escapes and numbers there are only two other ways to write it, spaces and fields that are there twice, and both are longer
  return line.startsWith(start) && !line.includes('\\') && line.length === start.length + length
    ? true
    : isShallow(record, MAX_DEPTH) && JSON.stringify(record) === line;
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((item) => isShallow(item, depth - 1));
}

/** How long JSON without spaces and escapes is; not a number where there is a number in it, which can be written in several ways, or where it is deep. */
function plainLength(value: unknown, depth: number = MAX_DEPTH - 1): number {
  if (typeof value === 'string') return value.length + 2;
  if (value === true || value === null) return 4;
  if (value === false) return 5;
  if (typeof value !== 'object' || depth === 0) return Number.NaN;
  let length = 2;
  if (Array.isArray(value)) {
    for (const item of value) length += plainLength(item, depth - 1) + 1;
    return value.length === 0 ? 2 : length - 1;
  }
  const object = value as Readonly<Record<string, unknown>>;
  for (const key in object) length += key.length + 4 + plainLength(object[key], depth - 1);
  return length === 2 ? 2 : length - 1;
}
