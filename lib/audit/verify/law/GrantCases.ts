import type { DecidedRecord, GrantRecord, RecordedApprovalPolicy } from '../../record/AuditRecord.js';
import type { Findings } from '../report/Findings.js';
import { SLACK_MS, timeOf } from './ApprovalCase.js';
import type { Placed } from './ApprovalCase.js';
import { RecordsByLog } from './RecordsByLog.js';

/** Everything that the logs say of one grant, in the order in which it was read. */
interface GrantCase {
  readonly made: GrantRecord[];
  readonly used: GrantRecord[];
  readonly revoked: GrantRecord[];
  /** The decisions that it answered, once each: a server and a program may both record one. */
  readonly answered: Map<string, DecidedRecord>;
}

/**
 * Gathers what all logs say of each grant: a call that it answered needs a grant that was made before, for that agent and tool, not taken back or over, and not used
 * up. Whether a person's yes made it is judged with its approval.
 */
export class GrantCases {
  readonly #findings: Findings;
  readonly #cases = new Map<string, GrantCase>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  add(record: GrantRecord): void {
    this.#of(record)[record.how].push(record);
  }

  answered(record: DecidedRecord, grantId: string): void {
    const { answered } = this.#of({ grantId, tenantId: record.tenantId });
    if (!answered.has(record.decisionId)) answered.set(record.decisionId, record);
  }

  /** @returns how many calls were answered by grants of which no log here says that they were made */
  finish(): number {
    let elsewhere = 0;
    for (const found of this.#cases.values()) {
      const [first] = found.made;
      if (first === undefined) elsewhere += found.answered.size;
      else this.#judge(found, first);
    }
    return elsewhere;
  }

  #judge({ made, used, revoked, answered }: GrantCase, first: GrantRecord): void {
    const terms = termsOf(first);
    for (const other of made)
      if (termsOf(other) !== terms)
        this.#add('grant_made_twice', other, `Record ${other.seq} makes a grant that was made before, with other terms.`);
    const makings = new RecordsByLog(made);
    const ends = new RecordsByLog(revoked.filter(({ committedAt }) => committedAt === undefined));
    const { maxUses = 0, expiresAt = 0 } = first;
    const judgeUse = (record: GrantRecord | DecidedRecord, count: number): void => {
      const { seq, agentId, toolName } = record;
      if (agentId !== first.agentId || toolName !== first.toolName)
        this.#add('grant_of_another_call', record, `Record ${seq} uses a grant for another agent or tool than it was made for.`);
      if (!makings.isAnyBefore(record)) this.#add('grant_used_too_early', record, `Record ${seq} uses a grant that is made only later.`);
      if (timeOf(first) <= expiresAt && timeOf(record) > expiresAt + SLACK_MS)
        this.#add('grant_used_too_late', record, `Record ${seq} uses a grant whose time was over.`);
      if (count > maxUses) this.#add('grant_used_up', record, `Record ${seq} uses a grant that had no use left: it has ${maxUses}.`);
      const end = record.committedAt === undefined ? ends.firstAhead(record) : undefined;
      // a decision is recorded a little after the use; the changes of a store are in their order
      if (end !== undefined && (record.kind === 'grant' || record.at > end.at + SLACK_MS))
        this.#add('grant_revoked', record, `Record ${seq} uses a grant that was taken back before (record ${end.seq}).`);
    };
    for (const record of used) judgeUse(record, record.uses ?? 0);
    let count = 0;
    for (const record of answered.values()) {
      judgeUse(record, (count += 1));
      this.#judgeAsked(record, first);
    }
  }

  /** A caller's log does not have the policies of a service elsewhere. */
  #judgeAsked(record: DecidedRecord, { lifts = [] }: GrantRecord): void {
    const isLifted = ({ id, hash }: RecordedApprovalPolicy): boolean => lifts.some((lift) => lift.id === id && lift.hash === hash);
    const against = record.asking?.find((policy) => takesPeople(policy) || !isLifted(policy));
    if (against === undefined) return;
    this.#add(
      'grant_of_other_policies',
      record,
      `Record ${record.seq} is answered by a grant, and a policy asks that the grant does not answer.`,
    );
  }

  #of({ grantId, tenantId = '' }: Pick<GrantRecord, 'grantId' | 'tenantId'>): GrantCase {
    const key = `${tenantId} ${grantId}`;
    let found = this.#cases.get(key);
    if (found === undefined) {
      found = { made: [], used: [], revoked: [], answered: new Map() };
      this.#cases.set(key, found);
    }
    return found;
  }

  #add(code: string, { writer, seq }: Placed, message: string): void {
    this.#findings.add(code, writer, seq, message);
  }
}

/** Whether a policy takes a person, or several, for each call. */
export function takesPeople({
  quorum = 1,
  distinct,
  severity,
  needsPreview,
}: Pick<RecordedApprovalPolicy, 'quorum' | 'distinct' | 'severity' | 'needsPreview'>): boolean {
  return quorum > 1 || distinct === true || severity === 'critical' || needsPreview === true;
}

function termsOf({ agentId, toolName, by, decisionId, maxUses, expiresAt, lifts }: GrantRecord): string {
  return JSON.stringify([agentId, toolName, by, decisionId, maxUses, expiresAt, lifts]);
}
