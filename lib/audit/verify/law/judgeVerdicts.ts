import { canonicalText } from '../../../common/data/canonical.js';
import { isAssuranceFor, isGrave } from '../../../decision/desk/assurance.js';
import { isHostOperator } from '../../../model/terms/isHostOperator.js';
import { maybeSamePerson } from '../../../model/personId.js';
import type { OpenedRecord, RecordedApprovalPolicy, VerdictRecord } from '../../record/AuditRecord.js';
import { isAfterEnd, isBefore, SLACK_MS, timeOf } from './ApprovalCase.js';
import type { ApprovalCase, Placed, VerdictOpening } from './ApprovalCase.js';
import type { Credentials } from './Credentials.js';
import { commitmentIn } from '../line/openingFault.js';
import { personIn } from '../../../model/terms/personIn.js';
import { seatedFrom } from './seatedFrom.js';
import { signedStatement } from './signedStatement.js';
import { stageOf } from './approvalStages.js';
import type { ApprovalStage, ApprovalStages } from './approvalStages.js';

type Say = (code: string, place: Placed, message: string) => void;

/** What the verdicts on an approval come to. */
export interface JudgedVerdicts {
  /** Whether every policy had its quorum before that record, and no one had said no. */
  readonly covered: (by: Placed) => boolean;
  readonly signatures: number;
  readonly erasedStatements: number;
}

/** What every verdict on an approval is compared with. */
interface Asked {
  readonly opened: OpenedRecord;
  readonly stage: ApprovalStage;
  readonly policies: readonly AskingPolicy[];
  readonly ids: ReadonlySet<string>;
}

interface AskingPolicy extends Pick<RecordedApprovalPolicy, 'id' | 'severity' | 'selfApproval' | 'distinct' | 'editorMayApprove'> {
  readonly approvers: ReadonlySet<string> | undefined;
  readonly quorum: number;
  /** Groups that are added, and after how long. */
  readonly steps: readonly { readonly afterMs: number; readonly groups: ReadonlySet<string> }[];
}

/**
 * Finds what is wrong with the verdicts on an approval. One that is not good counts for nothing, and a yes from before an edit counts for nothing after it.
 *
 * @param stages what they may be about; the last one is what runs
 */
export function judgeVerdicts(
  { verdicts }: ApprovalCase,
  opened: OpenedRecord,
  stages: ApprovalStages['stages'],
  credentials: Credentials,
  say: Say,
): JudgedVerdicts {
  const all = new Map(stages.map((stage) => [stage, askedBy(opened, stage)]));
  const last = stages.at(-1) as ApprovalStage;
  const good: VerdictRecord[] = [];
  let [signatures, erasedStatements] = [0, 0];
  for (const { record, opening } of verdicts) {
    const stage = stageOf(record, stages);
    const faults = [...verdictFaults(record, opening, all.get(stage) as Asked)];
    const signed = record.proof === undefined ? undefined : signedStatement(record, record.proof, opening, stage, credentials);
    if (typeof signed === 'string') faults.push(['signature', signed]);
    else if (signed !== undefined) {
      signatures += 1;
      if (signed.isErased) erasedStatements += 1;
    }
    for (const [code, why] of faults) say(`verdict_${code}`, record, `The verdict in record ${record.seq} ${why}.`);
    // a no ends the approval, on any params
    if (faults.length === 0 && (stage === last || !record.approved)) good.push(record);
  }
  const { policies } = all.get(last) as Asked;
  return { covered: coveredBy(good, policies), signatures, erasedStatements };
}

function askedBy(opened: OpenedRecord, stage: ApprovalStage): Asked {
  const policies = stage.policies.map((policy) => {
    const { id, severity, selfApproval, approvers, quorum = 1, distinct, escalate = [], editorMayApprove } = policy;
    const steps = escalate.map(({ afterMs, groups }) => ({ afterMs, groups: new Set(groups) }));
    return { id, severity, selfApproval, approvers: approvers && new Set(approvers), quorum, distinct, steps, editorMayApprove };
  });
  return { opened, stage, policies, ids: new Set(policies.map(({ id }) => id)) };
}

/** Whether who gave that yes could decide every policy that asked, from its start on and with what showed that it was this person. */
export function mayDecideAll(record: VerdictRecord, opened: OpenedRecord): boolean {
  const { assurance } = record;
  const policies = opened.policies.map(({ approvers }) => ({ approvers: approvers && new Set(approvers), steps: [] }));
  const isEnough = assurance === undefined || isAssuranceFor(assurance, opened.policies);
  return isEnough && policies.every((policy) => isApprover(record, policy, opened));
}

/** How far the verdicts have come, as one log sees them: what is in other logs may be before everything. */
interface Coverage {
  /** After which record every policy has its quorum. */
  readonly from: number;
  /** Which record is the first no. */
  readonly until: number;
}

/** A hostile log may have any number of verdicts and uses: each verdict is counted once for each log, and not for each use. */
function coveredBy(good: readonly VerdictRecord[], policies: readonly AskingPolicy[]): JudgedVerdicts['covered'] {
  const coverages = new Map<string, Coverage>();
  return ({ writer, seq }) => {
    let coverage = coverages.get(writer);
    if (coverage === undefined) {
      coverage = coverageIn(writer, good, policies);
      coverages.set(writer, coverage);
    }
    return coverage.from < seq && seq <= coverage.until;
  };
}

function coverageIn(writer: string, good: readonly VerdictRecord[], policies: readonly AskingPolicy[]): Coverage {
  const placeOf = (record: VerdictRecord): number => (record.writer === writer && record.committedAt === undefined ? record.seq : -1);
  const people = new Map(policies.map((policy) => [policy, new Set<string>()]));
  const short = new Set(policies);
  let [from, until] = [Infinity, Infinity];
  const inOrder = good.toSorted((a, b) => placeOf(a) - placeOf(b));
  for (const record of inOrder) {
    const place = placeOf(record);
    if (!record.approved) until = Math.min(until, place);
    else if (short.size > 0) {
      const person = personIn(record);
      const ids = record.policies && new Set(record.policies);
      for (const [policy, known] of people)
        if (ids?.has(policy.id) !== false && known.add(person).size >= policy.quorum) short.delete(policy);
      if (short.size === 0) from = place;
    }
  }
  if (from !== Infinity && policies.some(({ distinct }) => distinct === true)) {
    const all = policies.map(({ id }) => id);
    const given = inOrder.filter(({ approved }) => approved);
    const last =
      given[
        seatedFrom(
          given.map((record) => ({ person: personIn(record), policies: record.policies ?? all })),
          policies,
        )
      ];
    from = last === undefined ? Infinity : placeOf(last);
  }
  return { from, until };
}

type Fault = readonly [code: string, why: string];

function* verdictFaults(record: VerdictRecord, opening: VerdictOpening | undefined, asked: Asked): Generator<Fault> {
  const { approved, assurance, proof } = record;
  const { opened, stage, ids } = asked;
  const policies = record.policies && new Set(record.policies);
  if (record.agentId !== opened.agentId || record.toolName !== opened.toolName || record.tenantId !== opened.tenantId)
    yield ['other_call', 'is about another agent or tool than what a person was asked'];
  if (record.effective !== stage.effective) yield ['other_params', 'is about other params than what a person was asked'];
  if (!isBefore(opened, record)) yield ['too_early', 'comes before a person was asked'];
  if (isAfterEnd(record, opened)) yield ['too_late', 'comes after the time in which it could be given'];
  if (record.policies?.some((id) => !ids.has(id)) === true) yield ['other_policies', 'counts for a policy that did not ask'];
  // a no is anyone's who may see it
  if (!approved) return;
  const counting = asked.policies.filter(({ id }) => policies === undefined || policies.has(id));
  if (isRequester(record, opening, opened) && counting.some(({ selfApproval }) => selfApproval !== true))
    yield ['of_requester', 'is given by the person for whom the call is made'];
  if (stage.editors.has(personIn(record)) && counting.some((policy) => policy.editorMayApprove !== true || isGrave([policy])))
    yield ['of_editor', 'is given by the person who edited the call'];
  if (counting.some((policy) => !isApprover(record, policy, opened)))
    yield ['not_eligible', 'is given by someone who was in no group of its approvers'];
  if (assurance !== undefined && !isAssuranceFor(assurance, counting))
    yield ['assurance', `has the assurance ${assurance}, which is not enough for the severity of what it approves`];
  if (assurance === 'passkey' && proof === undefined) yield ['unsigned', 'is said to be signed with a passkey, and has no signature'];
}

function isRequester(record: VerdictRecord, opening: VerdictOpening | undefined, opened: OpenedRecord): boolean {
  if (record.isRequester === true) return true;
  const { salt = '', requester } = opening ?? {};
  if (requester === undefined || opened.requester !== commitmentIn('requester', salt, canonicalText(requester))) return false;
  return maybeSamePerson(record.by, requester);
}

/** What is not recorded was not known either: where no directory has groups, the program vouched for the person. */
function isApprover(record: VerdictRecord, { approvers, steps }: Pick<AskingPolicy, 'approvers' | 'steps'>, opened: OpenedRecord): boolean {
  const { by, assurance, groups } = record;
  if (approvers === undefined || groups === undefined || isHostOperator(by, assurance)) return true;
  // both records are written a little after what they tell of
  const openForMs = timeOf(record) - timeOf(opened) + SLACK_MS;
  const added = steps.filter(({ afterMs }) => afterMs <= openForMs);
  return groups.some((group) => approvers.has(group) || added.some((step) => step.groups.has(group)));
}
