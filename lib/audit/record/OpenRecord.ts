import type { Opening } from '../sink/AuditSink.js';
import type { NewRecord } from './AuditRecord.js';

/** What opens the commitments of a record, before it has its place in a log. */
export type NewOpening = Omit<Opening, 'seq' | 'at'>;

/** A record with what opens its commitments. */
export interface OpenRecord {
  readonly record: NewRecord;
  readonly opening?: NewOpening | undefined;
}
