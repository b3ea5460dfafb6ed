import { canonicalText } from '../../../common/data/canonical.js';
import { maybeSamePerson } from '../../../model/personId.js';
import type { AmendedRecord, OpenedRecord } from '../../record/AuditRecord.js';
import { commitmentIn } from '../line/openingFault.js';
import { isAfterEnd, isBefore } from './ApprovalCase.js';
import type { ApprovalCase, Placed } from './ApprovalCase.js';
import type { ApprovalStage, ApprovalStages } from './approvalStages.js';
import type { Credentials } from './Credentials.js';
import { RecordsByLog } from './RecordsByLog.js';
import { signedStatement } from './signedStatement.js';

type Say = (code: string, place: Placed, message: string) => void;

/** Finds what is wrong with the edits of an approval. */
export function judgeEdits(
  found: ApprovalCase,
  opened: OpenedRecord,
  stages: ApprovalStages['stages'],
  broken: AmendedRecord | undefined,
  credentials: Credentials,
  say: Say,
): { readonly signatures: number; readonly erasedStatements: number } {
  if (broken !== undefined)
    say('edit_not_in_order', broken, `The edit in record ${broken.seq} does not follow from what was approved or edited before it.`);
  const uses = new RecordsByLog([...found.consumed, ...found.ended]);
  let before: ApprovalStage = stages[0];
  let [signatures, erasedStatements] = [0, 0];
  for (const stage of stages) {
    const record = stage.since;
    if (record.kind === 'opened') continue;
    const opening = found.editOpenings.get(record);
    const faults = [...editFaults(record, opening, opened, before)];
    if (record.committedAt === undefined && uses.isAnyAhead(record))
      faults.push(['after_use', 'comes after the approval was used or ended']);
    if (record.proof === undefined) {
      if (record.assurance === 'passkey' && !isSignedAsVerdict(record, found))
        faults.push(['unsigned', 'is said to be signed with a passkey, and has no signature']);
    } else {
      const signed = signedStatement(record, record.proof, opening, stage, credentials);
      if (typeof signed === 'string') faults.push(['signature', signed]);
      else {
        signatures += 1;
        if (signed.isErased) erasedStatements += 1;
      }
    }
    for (const [code, why] of faults) say(`edit_${code}`, record, `The edit in record ${record.seq} ${why}.`);
    before = stage;
  }
  return { signatures, erasedStatements };
}

function* editFaults(
  record: AmendedRecord,
  opening: ReturnType<ApprovalCase['editOpenings']['get']>,
  opened: OpenedRecord,
  before: ApprovalStage,
): Generator<readonly [code: string, why: string]> {
  if (record.agentId !== opened.agentId || record.toolName !== opened.toolName || record.tenantId !== opened.tenantId)
    yield ['other_call', 'is about another agent or tool than what a person was asked'];
  if (!isBefore(opened, record)) yield ['too_early', 'comes before a person was asked'];
  if (isAfterEnd(record, opened)) yield ['too_late', 'comes after the time in which it could be made'];
  if (!before.policies.every((policy) => isKept(policy, record)))
    yield ['sheds_approval', 'drops or loosens a policy that asked before it'];
  const { requester, salt = '' } = opening ?? {};
  const isOpened = requester !== undefined && opened.requester === commitmentIn('requester', salt, canonicalText(requester));
  if (isOpened && maybeSamePerson(record.by, requester) && !before.policies.some(({ selfApproval }) => selfApproval === true))
    yield ['of_requester', 'is made by the person for whom the call is made'];
}

/** What a policy asks for follows from its text: with the same text it asks for the same. */
function isKept(policy: OpenedRecord['policies'][number], { policies }: AmendedRecord): boolean {
  const now = policies.find(({ id }) => id === policy.id);
  return now !== undefined && (now.hash !== policy.hash || JSON.stringify(now) === JSON.stringify(policy));
}

/** Whether the yes that was given with an edit was signed: one signature is over both. */
function isSignedAsVerdict({ by, effective }: AmendedRecord, { verdicts }: ApprovalCase): boolean {
  return verdicts.some(({ record }) => record.by === by && record.effective === effective && record.proof !== undefined);
}
