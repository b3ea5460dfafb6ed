import type { Opening } from '../sink/AuditSink.js';
import type { NewRecord } from './AuditRecord.js';

/** What opens the commitments of a record, before it has its place in a log. */
export type NewOpening = Omit<Opening, 'seq' | 'at'>;

/** A record with what opens its commitments. */
export interface OpenRecord {
  /** The record. */
  readonly record: NewRecord;
  /** What opens its commitments. */
  readonly opening?: NewOpening | undefined;
}
