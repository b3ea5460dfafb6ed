import type { AuditRecord, DecidedRecord, EnteringRecord, SettledRecord } from '../../record/AuditRecord.js';
import type { Opening } from '../../sink/AuditSink.js';
import { ApprovalCases } from './ApprovalCases.js';
import type { AuditCounts } from '../report/AuditReport.js';
import type { Findings } from '../report/Findings.js';
import { GrantCases } from './GrantCases.js';
import { HaltsInForce } from './HaltsInForce.js';
import { LimitRuns } from '../limit/LimitRuns.js';
import { SLACK_MS } from './ApprovalCase.js';
import { IdSet } from '../log/IdSet.js';

type LawCounts = Omit<AuditCounts, 'records' | 'openings'>;

/**
 * How many decisions that allow a call are remembered until it is entered, which comes right after. Those of calls that run elsewhere, or were given up, are never
 * entered.
 */
const MAX_ALLOWED = 100_000;

/**
 * Checks that everything that ran was allowed or approved. A method is entered under one of two things: a decision in the same log before it that allows exactly
 * this call, once; or an approval, wherever its parts were recorded. Takes the records of one log after the other.
 */
export class Law {
  readonly #findings: Findings;
  readonly #cases: ApprovalCases;
  readonly #grants: GrantCases;
  readonly #maxAllowed: number;
  /** Of the log that is read now. */
  #allowed = new Map<string, DecidedRecord>();
  /** By approval: what was decided when its call was about to run. */
  #decidedAgain = new Map<string, DecidedRecord>();
  #open = new Map<string, EnteringRecord>();
  #loaded = new Set<string>();
  #halts = new HaltsInForce();
  #limits = new LimitRuns(SLACK_MS);
  /** Over all logs: policies that were loaded, and records that were written late, perhaps in another log than that of their policies. */
  readonly #everLoaded = new Set<string>();
  readonly #late: { readonly key: string; readonly writer: string; readonly seq: number }[] = [];
  #isServer = false;
  #writer = '';
  readonly #openIn = new Map<string, Map<string, EnteringRecord>>();
  /** Over all logs: decisions under which a method was entered, and those of servers that allow a call. */
  readonly #entered = new IdSet();
  readonly #served = new IdSet();
  #witnessed = 0;
  #decisions = 0;
  #runs = 0;

  constructor(findings: Findings, maxAllowed: number = MAX_ALLOWED) {
    this.#findings = findings;
    this.#maxAllowed = maxAllowed;
    this.#cases = new ApprovalCases(findings);
    this.#grants = new GrantCases(findings);
  }

  /** The records of this log follow. */
  start(writer: string): void {
    this.#writer = writer;
    this.#allowed = new Map();
    this.#decidedAgain = new Map();
    this.#open = new Map();
    this.#loaded = new Set();
    this.#halts = new HaltsInForce();
    this.#limits = new LimitRuns(SLACK_MS);
    this.#openIn.set(writer, this.#open);
  }

  /** Takes a record, with what opens it, where that is left. */
  record(record: AuditRecord, opening?: Opening): void {
    switch (record.kind) {
      case 'started':
        this.#isServer = record.source === 'server';
        // a writer says anew what is halted, and does not know what was lifted while it was away
        this.#halts = new HaltsInForce();
        // counters in memory have begun anew
        this.#limits = new LimitRuns(SLACK_MS);
        return;
      case 'policies':
        this.#loaded.add(`${record.tenantId ?? ''} ${record.hash}`);
        this.#everLoaded.add(`${record.tenantId ?? ''} ${record.hash}`);
        return;
      case 'decided':
        return this.#decided(record);
      case 'entering':
        return this.#entering(record);
      case 'settled':
        return this.#settled(record);
      case 'opened':
      case 'amended':
        this.#checkPolicies(record);
        return this.#cases.add(record, opening);
      case 'reminded':
      case 'escalated':
      case 'verdict':
      case 'consumed':
      case 'begun':
      case 'ended':
        return this.#cases.add(record, opening);
      case 'halt':
        return this.#halts.record(record);
      case 'grant':
        if (record.how === 'made') this.#cases.granted(record);
        return this.#grants.add(record);
      case 'credential':
        return this.#cases.credential(record);
      default:
    }
  }

  /** The entries of a log that was read of which no end is recorded. */
  openOf(writer: string): readonly EnteringRecord[] {
    return [...(this.#openIn.get(writer) as Map<string, EnteringRecord>).values()];
  }

  /** How often the logs say that this approval was decided, that it was used, or that a run began under it. */
  countOf(what: 'verdicts' | 'consumed' | 'begun', decisionId: string): number {
    return this.#cases.countOf(what, decisionId);
  }

  /** When all logs were read. */
  finish(): LawCounts {
    for (const { key, writer, seq } of this.#late) if (!this.#everLoaded.has(key)) this.#notLoaded(writer, seq);
    const approved = this.#cases.finish();
    return {
      decisions: this.#decisions,
      approvals: approved.approvals,
      runs: this.#runs,
      notWitnessed: this.#served.size - this.#witnessed + approved.notWitnessed,
      approvedElsewhere: approved.approvedElsewhere,
      grantedElsewhere: this.#grants.finish(),
      open: [...this.#openIn.values()].reduce((sum, { size }) => sum + size, 0),
      signatures: approved.signatures,
      erasedStatements: approved.erasedStatements,
    };
  }

  #decided(record: DecidedRecord): void {
    const { decisionId, effect, dryRun, approvalId, grantId } = record;
    this.#checkPolicies(record);
    if (dryRun === true) return;
    if (approvalId !== undefined) {
      this.#decidedAgain.set(approvalId, record);
      this.#forgetOldest(this.#decidedAgain);
      return this.#cases.decidedAgain(approvalId, record);
    }
    this.#decisions += 1;
    if (effect === 'deny') return;
    if (effect === 'approval_needed') return this.#cases.asked(record);
    if (grantId !== undefined) this.#grants.answered(record, grantId);
    else if (record.asking !== undefined && record.asking.length > 0)
      this.#add(
        'allowed_though_asked',
        record,
        `Record ${record.seq} allows a call about which policies ask, without a person or a grant.`,
      );
    if (this.#isServer) {
      // what a server has counted it does not give back
      this.#count(record, record);
      if (this.#served.add(decisionId) && this.#entered.has(decisionId)) this.#witnessed += 1;
    } else if (this.#allowed.has(decisionId)) {
      this.#add(
        'decided_twice',
        record,
        `Record ${record.seq} allows a call that an earlier record has allowed: a decision is on one call.`,
      );
      return;
    }
    this.#allowed.set(decisionId, record);
    this.#forgetOldest(this.#allowed);
  }

  #forgetOldest(decisions: Map<string, DecidedRecord>): void {
    if (decisions.size > this.#maxAllowed) for (const oldest of decisions.keys()) return void decisions.delete(oldest);
  }

  #checkPolicies(record: Extract<AuditRecord, { kind: 'decided' | 'opened' | 'amended' }>): void {
    const { policySetHash, tenantId = '', writer, seq, committedAt } = record;
    const key = `${tenantId} ${policySetHash}`;
    if (policySetHash === undefined || this.#loaded.has(key)) return;
    if (committedAt === undefined) this.#notLoaded(writer, seq);
    else this.#late.push({ key, writer, seq });
  }

  #notLoaded(writer: string, seq: number): void {
    const message = `Record ${seq} is under policies that no record before it says were loaded.`;
    this.#findings.add('policies_not_loaded', writer, seq, message);
  }

  #entering(record: EnteringRecord): void {
    const { decisionId, seq, reused } = record;
    if (reused === true) {
      const outer = this.#open.get(decisionId);
      if (outer === undefined)
        this.#add('reused_alone', record, `Record ${seq} enters a method under a decision that was for another entry, outside of it.`);
      else this.#compare(record, outer, 'the entry around it');
      const { grantId, limits } = this.#allowed.get(decisionId) ?? {};
      if (grantId !== undefined)
        this.#add('grant_reused', record, `Record ${seq} enters a method in another one, under one use of a grant.`);
      if (limits !== undefined)
        this.#add('limit_reused', record, `Record ${seq} enters a method in another one, and a limit has counted only one of them.`);
      return;
    }
    const halt = this.#halts.over(record, this.#allowed.get(decisionId) ?? this.#decidedAgain.get(decisionId));
    this.#decidedAgain.delete(decisionId);
    if (halt !== undefined)
      this.#add('run_while_halted', record, `Record ${seq} enters a method that a halt before it says must not run (record ${halt.seq}).`);
    this.#runs += 1;
    this.#open.set(decisionId, record);
    const isFirst = this.#entered.add(decisionId);
    if (isFirst && this.#served.has(decisionId)) this.#witnessed += 1;
    const allowed = this.#allowed.get(decisionId);
    if (allowed === undefined) return this.#cases.entering(record, isFirst);
    if (!isFirst) this.#add('run_twice', record, `Record ${seq} enters a method a second time under one decision.`);
    else if (!this.#isServer) this.#count(record, allowed);
    this.#compare(record, allowed, 'the decision that allows it');
  }

  #count(record: AuditRecord, decided: DecidedRecord): void {
    const limit = this.#limits.add(decided);
    if (limit !== undefined)
      this.#add(
        'limit_exceeded',
        record,
        `Record ${record.seq} is of a call that did not fit under the limit "${limit.id}": ${limit.calls} in a window.`,
      );
  }

  #settled(record: SettledRecord): void {
    const { decisionId, outcome } = record;
    const allowed = this.#allowed.get(decisionId);
    if (outcome === 'withheld' && allowed !== undefined && !this.#isServer) this.#limits.remove(allowed);
    const entered = this.#open.delete(decisionId);
    if (!entered || !this.#allowed.delete(decisionId)) this.#cases.settled(record);
  }

  #compare(
    record: EnteringRecord,
    { agentId, toolName, tenantId, effective }: Pick<DecidedRecord, 'agentId' | 'toolName' | 'tenantId' | 'effective'>,
    other: string,
  ): void {
    if (record.agentId !== agentId || record.toolName !== toolName || record.tenantId !== tenantId)
      this.#add('run_of_another_call', record, `Record ${record.seq} enters a method for another agent or tool than ${other}.`);
    if (record.effective !== effective)
      this.#add('run_with_other_params', record, `Record ${record.seq} enters a method with other params than ${other}.`);
  }

  #add(code: string, { seq }: { readonly seq: number }, message: string): void {
    this.#findings.add(code, this.#writer, seq, message);
  }
}
