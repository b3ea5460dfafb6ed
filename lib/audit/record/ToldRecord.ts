import type { CallFields, RecordFields } from './RecordFields.js';

/** People were told again that an approval waits for them. */
export interface RemindedRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'reminded';
  /** The groups that were told. */
  readonly groups: readonly string[];
  /** How much of the approval's time had passed. */
  readonly percent: 50 | 80;
}

/** A step of `@escalate` came: more groups may decide. */
export interface EscalatedRecord extends RecordFields, CallFields {
  /** Tells it from the other records. */
  readonly kind: 'escalated';
  /** The time of the step: how long the approval had been open by then, in milliseconds. */
  readonly afterMs: number;
  /** The groups of the step. */
  readonly groups: readonly string[];
}

/** Who was told of an approval that waits long. */
export type ToldRecord = RemindedRecord | EscalatedRecord;
