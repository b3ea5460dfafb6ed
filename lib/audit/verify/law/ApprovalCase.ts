import type {
  AmendedRecord,
  BegunRecord,
  ConsumedRecord,
  DecidedRecord,
  EndedRecord,
  EnteringRecord,
  GrantRecord,
  OpenedRecord,
  SettledRecord,
  VerdictRecord,
} from '../../record/AuditRecord.js';
import type { ToldRecord } from '../../record/ToldRecord.js';

/** What opens a verdict. */
export interface VerdictOpening {
  readonly salt: string;
  readonly requester: string | undefined;
  /** The canonical text of the statement that was signed. */
  readonly statement: string | undefined;
}

/** Everything that the logs say of one approval, in the order in which it was read. */
export interface ApprovalCase {
  readonly decisionId: string;
  /** The decision that asks for it, where it is in a log. */
  asked?: DecidedRecord | undefined;
  readonly opened: OpenedRecord[];
  readonly verdicts: { readonly record: VerdictRecord; readonly opening: VerdictOpening | undefined }[];
  readonly amended: AmendedRecord[];
  /** What opens the edits, where it is left. */
  readonly editOpenings: Map<AmendedRecord, VerdictOpening>;
  readonly consumed: ConsumedRecord[];
  readonly begun: BegunRecord[];
  readonly ended: EndedRecord[];
  /** Reminders, and steps of `@escalate`. */
  readonly told: ToldRecord[];
  /** The grants that were made with it. */
  readonly grants: GrantRecord[];
  readonly entries: { readonly record: EnteringRecord; readonly isFirst: boolean }[];
  readonly settled: SettledRecord[];
  /** What was decided on the call when it was about to run. */
  readonly decidedAgain: DecidedRecord[];
}

/** An approval of which nothing is known yet. */
export function emptyCase(decisionId: string): ApprovalCase {
  return {
    decisionId,
    opened: [],
    verdicts: [],
    amended: [],
    editOpenings: new Map(),
    consumed: [],
    begun: [],
    ended: [],
    told: [],
    grants: [],
    entries: [],
    settled: [],
    decidedAgain: [],
  };
}

/**
 * Whether one record may come before another: by their place in one log. The clocks of two logs prove nothing, nor does the place of a record that was written
 * late.
 */
export function isBefore(one: Placed, other: Placed): boolean {
  return one.writer !== other.writer || one.seq < other.seq || one.committedAt !== undefined;
}

/** What has a place in a log. */
export interface Placed {
  readonly writer: string;
  readonly seq: number;
  readonly committedAt?: number | undefined;
}

/** How much later than its end an approval may be recorded as decided or used: the record is written after it. */
export const SLACK_MS = 60_000;

/**
 * Whether a record of an approval comes after its end. No record is older than the one before, so after a clock was set back the times of a log stand still: an
 * approval that was opened meanwhile looks over from its start, and of such a one it cannot be told.
 */
export function isAfterEnd(record: TimedPlace, opened: OpenedRecord): boolean {
  const { expiresAt } = opened;
  return timeOf(opened) <= expiresAt && timeOf(record) > expiresAt + SLACK_MS;
}

interface TimedPlace extends Placed {
  readonly at: number;
}

/** When what a record tells of was done, as far as that is known. */
export function timeOf({ at, committedAt = at }: TimedPlace): number {
  return committedAt;
}
