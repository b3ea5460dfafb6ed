import type { CredentialRecord, DecidedRecord, EnteringRecord, GrantRecord, SettledRecord } from '../../record/AuditRecord.js';
import type { Opening } from '../../sink/AuditSink.js';
import { emptyCase } from './ApprovalCase.js';
import type { ApprovalCase } from './ApprovalCase.js';
import { Credentials } from './Credentials.js';
import type { Findings } from '../report/Findings.js';
import { judgeApproval } from './judgeApproval.js';

type CaseRecord = Extract<
  | ApprovalCase['opened'][number]
  | ApprovalCase['verdicts'][number]['record']
  | ApprovalCase['amended'][number]
  | ApprovalCase['consumed'][number]
  | ApprovalCase['begun'][number]
  | ApprovalCase['ended'][number]
  | ApprovalCase['told'][number],
  { readonly kind: string }
>;

/** What all approvals come to. */
export interface ApprovalCounts {
  readonly approvals: number;
  readonly notWitnessed: number;
  readonly approvedElsewhere: number;
  readonly signatures: number;
  readonly erasedStatements: number;
}

/** Gathers what all logs say of each approval. It is judged when all were read: its verdicts may be in another log than its run. */
export class ApprovalCases {
  readonly #findings: Findings;
  readonly #cases = new Map<string, ApprovalCase>();
  readonly #credentials = new Credentials();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  asked(record: DecidedRecord): void {
    this.#of(record.decisionId).asked ??= record;
  }

  decidedAgain(approvalId: string, record: DecidedRecord): void {
    this.#of(approvalId).decidedAgain.push(record);
  }

  add(record: CaseRecord, opening?: Opening): void {
    const found = this.#of(record.decisionId);
    switch (record.kind) {
      case 'opened':
        found.opened.push(record);
        break;
      case 'verdict':
        found.verdicts.push({ record, opening: opening && verdictOpening(opening) });
        break;
      case 'amended':
        found.amended.push(record);
        if (opening !== undefined) found.editOpenings.set(record, verdictOpening(opening));
        break;
      case 'consumed':
        found.consumed.push(record);
        break;
      case 'begun':
        found.begun.push(record);
        break;
      case 'reminded':
      case 'escalated':
        found.told.push(record);
        break;
      default:
        found.ended.push(record);
    }
  }

  /** @param isFirst whether no method was entered before under this decision */
  entering(record: EnteringRecord, isFirst: boolean): void {
    this.#of(record.decisionId).entries.push({ record, isFirst });
  }

  /** How a call ended. Calls that were allowed at once have no approval. */
  settled(record: SettledRecord): void {
    this.#cases.get(record.decisionId)?.settled.push(record);
  }

  /** A grant that was made with the yes on an approval. */
  granted(record: GrantRecord): void {
    this.#of(record.decisionId).grants.push(record);
  }

  credential(record: CredentialRecord): void {
    this.#credentials.add(record);
  }

  countOf(what: 'verdicts' | 'consumed' | 'begun', decisionId: string): number {
    return this.#cases.get(decisionId)?.[what].length ?? 0;
  }

  finish(): ApprovalCounts {
    const counts = { approvals: 0, notWitnessed: 0, approvedElsewhere: 0, signatures: 0, erasedStatements: 0 };
    for (const found of this.#cases.values()) {
      if (found.opened.length > 0) counts.approvals += 1;
      if (found.consumed.length > 0 && found.entries.length === 0) counts.notWitnessed += 1;
      const { approvedElsewhere, signatures, erasedStatements } = judgeApproval(found, this.#credentials, this.#findings);
      counts.approvedElsewhere += approvedElsewhere;
      counts.signatures += signatures;
      counts.erasedStatements += erasedStatements;
    }
    return counts;
  }

  #of(decisionId: string): ApprovalCase {
    let found = this.#cases.get(decisionId);
    if (found === undefined) {
      found = emptyCase(decisionId);
      this.#cases.set(decisionId, found);
    }
    return found;
  }
}

function verdictOpening({ salt, requester, values }: Opening): NonNullable<ApprovalCase['verdicts'][number]['opening']> {
  return { salt, requester, statement: values['statement'] };
}
