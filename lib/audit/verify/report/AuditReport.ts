/** Something wrong in a log, and where. */
export interface AuditFinding {
  /** What it is, for programs. */
  readonly code: string;
  /** The log. */
  readonly writer: string;
  /** The record; absent where no record can be named. */
  readonly seq?: number | undefined;
  /** What it is, for people: what is wrong, and what it may mean. It shows no value of a call. */
  readonly message: string;
}

/** One of the three answers to what a log proves. */
export interface AuditVerdict {
  /** Whether nothing was found. */
  readonly ok: boolean;
  /** The first findings, by log and position. */
  readonly findings: readonly AuditFinding[];
  /** How many findings there are besides. */
  readonly more: number;
}

/** Whether anything is missing. */
export interface CompletenessVerdict extends AuditVerdict {
  /**
   * Whether there was a head from outside to compare with, of each log that is here: `covered` of {@link VerifiedLog} says how far. Without one a log of which the
   * end was cut off together with its checkpoints looks like a shorter log.
   */
  readonly proven: boolean;
}

/** One log, as it was found. */
export interface VerifiedLog {
  /** Its name. */
  readonly writer: string;
  /** Where it says that it is from, such as `acme.example/pay/w0`; absent where nothing is signed. */
  readonly origin?: string | undefined;
  /** How many records it has. */
  readonly size: number;
  /** How many of them the last checkpoint covers. */
  readonly signed: number;
  /**
   * How many of them a head from outside covers; 0 where there is none of this log. Whether they are the same is said by `integrity`. What was after them may be
   * cut off.
   */
  readonly covered: number;
  /** The root over all of them, base64. */
  readonly root: string;
  /** The keys that signed it, the newest last: base64url. */
  readonly keys: readonly string[];
  /** Whether its writer closed it. */
  readonly closed: boolean;
}

/** What was counted in all logs. */
export interface AuditCounts {
  /** All records. */
  readonly records: number;
  /** Decisions on calls. Those of dry runs and of calls that a person had approved already are not counted. */
  readonly decisions: number;
  /** Calls of which a person was asked. */
  readonly approvals: number;
  /** Entries into methods. */
  readonly runs: number;
  /** Calls that were allowed, or whose approval was used, while the process that may have run them has no log here: what became of them is not known. */
  readonly notWitnessed: number;
  /** Runs under approvals that a service elsewhere keeps: its log shows who approved. */
  readonly approvedElsewhere: number;
  /** Calls that were answered by grants of which no log here says that they were made: they were made before these logs, or in a process whose log is not here. */
  readonly grantedElsewhere: number;
  /** Entries into methods of which no end is recorded. */
  readonly open: number;
  /** Records with an opening. */
  readonly openings: number;
  /** Passkey signatures that were verified, without and with the statement that they sign. */
  readonly signatures: number;
  /** Of these, those whose statement was erased: they prove that the person signed, not what. */
  readonly erasedStatements: number;
}

/** What a log proves. */
export interface AuditReport {
  /** Whether all three verdicts are good, and completeness is proven. */
  readonly ok: boolean;
  /** Whether the records are those that were written: in order, unchanged, and signed. */
  readonly integrity: AuditVerdict;
  /** Whether none is missing. */
  readonly completeness: CompletenessVerdict;
  /** Whether everything that ran was allowed or approved. */
  readonly law: AuditVerdict;
  /** What was found in the logs. */
  readonly counts: AuditCounts;
  /** Each log. */
  readonly logs: readonly VerifiedLog[];
  /** Whether the keys were given from outside, or are those that the logs name. */
  readonly keys: 'given' | 'own';
}
