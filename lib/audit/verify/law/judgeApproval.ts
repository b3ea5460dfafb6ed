import type { DecidedRecord, EnteringRecord, OpenedRecord } from '../../record/AuditRecord.js';
import { isAfterEnd, isBefore } from './ApprovalCase.js';
import type { ApprovalCase, Placed } from './ApprovalCase.js';
import type { Credentials } from './Credentials.js';
import type { Findings } from '../report/Findings.js';
import { approvalStages } from './approvalStages.js';
import type { ApprovalStage } from './approvalStages.js';
import { judgeEdits } from './judgeEdits.js';
import { judgeTold } from './judgeTold.js';
import { judgeVerdicts, mayDecideAll } from './judgeVerdicts.js';
import { takesPeople } from './GrantCases.js';
import { RecordsByLog } from './RecordsByLog.js';

/** What one approval comes to, besides what is wrong with it. */
export interface JudgedApproval {
  readonly approvedElsewhere: number;
  readonly signatures: number;
  readonly erasedStatements: number;
}

/** Finds what is wrong with one approval: it was opened, its quorum said yes to exactly these params, it was used once and begun by one claim, and only that claim ran. */
export function judgeApproval(found: ApprovalCase, credentials: Credentials, findings: Findings): JudgedApproval {
  const here = found.opened.filter(({ policies }) => policies.length > 0);
  const [first] = here;
  const nothing = { approvedElsewhere: 0, signatures: 0, erasedStatements: 0 };
  const say: Say = (code, { writer, seq }, message) => findings.add(code, writer, seq, message);
  judgeEntries(found, say);
  if (first !== undefined) {
    judgeOpened(found, here, say);
    const { stages, broken } = approvalStages(found, first);
    const edits = judgeEdits(found, first, stages, broken, credentials, say);
    const { covered, signatures, erasedStatements } = judgeVerdicts(found, first, stages, credentials, say);
    judgeUse(found, first, stages.at(-1) as ApprovalStage, covered, say);
    judgeGrants(found, first, covered, say);
    judgeTold(found, first, stages, say);
    return {
      approvedElsewhere: 0,
      signatures: signatures + edits.signatures,
      erasedStatements: erasedStatements + edits.erasedStatements,
    };
  }
  const [elsewhere] = found.opened;
  // a decision of policies that are loaded here is not one of a service elsewhere
  if (elsewhere !== undefined && found.asked?.policySetHash === undefined) {
    const again = new RecordsByLog(found.decidedAgain);
    for (const { record } of found.entries) {
      // of an edit, a caller's log has what the service then decided on the edited call
      const isDecided = again.lastAhead(record)?.effective === record.effective;
      sameCall(record, isDecided ? { ...elsewhere, effective: record.effective } : elsewhere, 'the question to a person', say);
    }
    return { ...nothing, approvedElsewhere: found.entries.length > 0 ? 1 : 0 };
  }
  for (const { record, isFirst } of found.entries)
    if (isFirst)
      say(
        'run_without_decision',
        record,
        `Record ${record.seq} enters a method, and no decision or approval in the logs allows that call.`,
      );
  for (const record of [
    ...found.verdicts.map((verdict) => verdict.record),
    ...found.amended,
    ...found.consumed,
    ...found.begun,
    ...found.grants,
    ...found.told,
  ])
    say('approval_not_opened', record, `Record ${record.seq} is about an approval that no record opens.`);
  return nothing;
}

type Say = (code: string, place: Placed, message: string) => void;

/** One approval is at most one run, but for a claim that was given back before the method, and calls that say that they may run again. */
function judgeEntries({ entries, settled, begun }: ApprovalCase, say: Say): void {
  const [first] = entries;
  if (first !== undefined && !first.isFirst)
    say('run_twice', first.record, `Record ${first.record.seq} enters a method a second time under one decision.`);
  const claims = new Set(begun.map(({ claim }) => claim));
  const withheld = new RecordsByLog(settled.filter(({ outcome }) => outcome === 'withheld'));
  const unknown = new RecordsByLog(settled.filter(({ outcome }) => outcome === 'unknown'));
  let before: EnteringRecord | undefined;
  for (const { record } of entries) {
    const { seq, claim, idempotent } = record;
    if (before !== undefined && !withheld.isAnyBetween(before, record) && !(idempotent === true && unknown.isAnyBetween(before, record)))
      say('run_twice', record, `Record ${seq} enters a method a second time under one approval.`);
    before = record;
    if (claims.size > 0 && claim !== undefined && !claims.has(claim) && idempotent !== true)
      say('run_of_another_claim', record, `Record ${seq} enters a method under another claim than the one that began.`);
  }
}

function judgeOpened({ asked, decisionId }: ApprovalCase, here: readonly OpenedRecord[], say: Say): void {
  const [first, ...others] = here as readonly [OpenedRecord, ...OpenedRecord[]];
  const policies = JSON.stringify(first.policies);
  for (const other of others) {
    if (other.effective === first.effective && JSON.stringify(other.policies) === policies) continue;
    say('opened_twice', other, `Record ${other.seq} opens an approval that was opened before, for something else.`);
  }
  if (asked === undefined || asked.decisionId !== decisionId) return;
  sameCall(first, asked, 'the decision that asks for it', say);
}

function judgeUse(
  found: ApprovalCase,
  opened: OpenedRecord,
  { effective }: ApprovalStage,
  covered: (by: Placed) => boolean,
  say: Say,
): void {
  const approved = { ...opened, effective };
  const { consumed, begun, ended, entries, decidedAgain } = found;
  const [uses, starts, ends] = [new RecordsByLog(consumed), new RecordsByLog(begun), new RecordsByLog(ended)];
  const again = new RecordsByLog(decidedAgain);
  const isOtherToken = otherThanBefore();
  for (const record of consumed) {
    sameCall(record, approved, 'what was approved', say);
    if (!isBefore(opened, record)) say('used_before_opened', record, `Record ${record.seq} uses an approval that is opened only later.`);
    if (isAfterEnd(record, opened)) say('used_too_late', record, `Record ${record.seq} uses an approval that had expired.`);
    if (isOtherToken(record.token)) say('used_twice', record, `Record ${record.seq} uses an approval that was used before.`);
    if (!covered(record))
      say('quorum_missing', record, `Record ${record.seq} uses an approval that did not have the yes of everyone it needs.`);
    if (record.committedAt === undefined && ends.isAnyAhead(record))
      say('used_after_end', record, `Record ${record.seq} uses an approval that had expired or was withdrawn.`);
  }
  const isOtherClaim = otherThanBefore();
  for (const record of begun) {
    sameCall({ ...record, effective }, approved, 'what was approved', say);
    if (!uses.isAnyBefore(record))
      say('begun_without_use', record, `Record ${record.seq} begins a run under an approval that was not used for it.`);
    if (isOtherClaim(record.claim)) say('begun_twice', record, `Record ${record.seq} begins a second run under one approval.`);
  }
  for (const { record } of entries) {
    sameCall(record, approved, 'what was approved', say);
    if (!uses.isAnyBefore(record))
      say('run_without_use', record, `Record ${record.seq} enters a method under an approval that was not used for it.`);
    if (record.claim !== undefined && !starts.isAnyBefore(record))
      say('run_not_begun', record, `Record ${record.seq} enters a method under an approval without having begun.`);
    if (!covered(record))
      say('quorum_missing', record, `Record ${record.seq} enters a method whose approval did not have the yes of everyone it needs.`);
    judgeFresh(record, again.lastAhead(record), say);
  }
}

/**
 * A grant is made by a person whose yes, before it, answered every policy that asked; it answers these policies and no others. Policies that take people each time
 * have none, an edited call has none, and who asks makes none, not even where their yes counts.
 */
function judgeGrants({ grants, verdicts, amended }: ApprovalCase, opened: OpenedRecord, covered: (by: Placed) => boolean, say: Say): void {
  if (grants.length === 0) return;
  const asking = new Set(opened.policies.map(({ id, hash }) => `${id} ${hash}`));
  const yes = verdicts.flatMap(({ record }) => (record.approved ? [record] : []));
  const givers = new Set(yes.map(({ by }) => by));
  const requesters = new Set(yes.flatMap(({ by, isRequester }) => (isRequester === true ? [by] : [])));
  for (const record of grants) {
    const { seq, by, lifts = [] } = record;
    sameCall({ ...record, effective: opened.effective }, opened, 'what was approved', say);
    if (!givers.has(by) || requesters.has(by) || !covered(record))
      say('grant_without_yes', record, `Record ${seq} makes a grant without the yes of the person who made it.`);
    else if (!yes.some((verdict) => verdict.by === by && mayDecideAll(verdict, opened)))
      say('grant_not_eligible', record, `Record ${seq} makes a grant of a person who could not decide every policy that asked.`);
    if (lifts.length === 0 || lifts.some(({ id, hash }) => !asking.has(`${id} ${hash}`)))
      say('grant_of_other_policies', record, `Record ${seq} makes a grant that answers policies which did not ask.`);
    if (amended.length > 0 || opened.policies.some(takesPeople))
      say('grant_not_allowed', record, `Record ${seq} makes a grant of an approval that people give each time.`);
  }
}

/** What was decided on a call when it was about to run allows it with the same params, or it does not run. */
function judgeFresh(record: EnteringRecord, fresh: DecidedRecord | undefined, say: Say): void {
  if (fresh?.effect === 'deny')
    say('run_of_denied', record, `Record ${record.seq} enters a method that the policies denied when it was about to run.`);
  else if (fresh?.effect === 'approval_needed')
    say('run_of_asked', record, `Record ${record.seq} enters a method of which a person had to be asked anew when it was about to run.`);
  else if (fresh !== undefined && fresh.effective !== record.effective)
    say('run_of_changed', record, `Record ${record.seq} enters a method with other params than were decided on when it was about to run.`);
}

/** Tells of each value whether there was another one before. */
function otherThanBefore(): (value: string) => boolean {
  const before = new Set<string>();
  return (value) => {
    const isOther = before.size > (before.has(value) ? 1 : 0);
    before.add(value);
    return isOther;
  };
}

/** Whether two records are about one call of one agent with the same params. */
function sameCall(
  record: Placed & Pick<OpenedRecord, 'agentId' | 'toolName' | 'effective'> & Partial<Pick<OpenedRecord, 'tenantId'>>,
  other: Pick<OpenedRecord, 'agentId' | 'toolName' | 'tenantId'> & { readonly effective?: string | undefined },
  what: string,
  say: Say,
): void {
  if (record.agentId !== other.agentId || record.toolName !== other.toolName || record.tenantId !== other.tenantId)
    say('another_call', record, `Record ${record.seq} is about another agent or tool than ${what}.`);
  if (other.effective !== undefined && record.effective !== other.effective)
    say('other_params', record, `Record ${record.seq} is about other params than ${what}.`);
}
