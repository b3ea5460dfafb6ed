import type {
  BegunRecord,
  ConsumedRecord,
  DecidedRecord,
  EndedRecord,
  EnteringRecord,
  OpenedRecord,
  SettledRecord,
  VerdictRecord,
} from '../../record/AuditRecord.js';

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
  readonly consumed: ConsumedRecord[];
  readonly begun: BegunRecord[];
  readonly ended: EndedRecord[];
  readonly entries: { readonly record: EnteringRecord; readonly isFirst: boolean }[];
  readonly settled: SettledRecord[];
  /** What was decided on the call when it was about to run. */
  readonly decidedAgain: DecidedRecord[];
}

/** An approval of which nothing is known yet. */
export function emptyCase(decisionId: string): ApprovalCase {
  return { decisionId, opened: [], verdicts: [], consumed: [], begun: [], ended: [], entries: [], settled: [], decidedAgain: [] };
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
