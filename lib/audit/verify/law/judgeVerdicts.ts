import { createHash } from 'node:crypto';
import { canonicalText } from '../../../common/data/canonical.js';
import { isAssuranceFor } from '../../../decision/desk/assurance.js';
import { isHostOperator } from '../../../decision/desk/eligibility.js';
import { isSamePerson, maybeSamePerson } from '../../../model/personId.js';
import type { OpenedRecord, RecordedApprovalPolicy, VerdictRecord } from '../../record/AuditRecord.js';
import type { VerdictProof } from '../../../store/ApprovalStore.js';
import { isBefore } from './ApprovalCase.js';
import type { ApprovalCase, Placed, VerdictOpening } from './ApprovalCase.js';
import type { Credentials } from './Credentials.js';
import { commitmentIn, digestCommitment } from '../line/openingFault.js';
import { passkeyProof } from './passkeyProof.js';

type Say = (code: string, place: Placed, message: string) => void;

/** What the verdicts on an approval come to. */
export interface JudgedVerdicts {
  /** Whether every policy had its quorum before that record, and no one had said no. */
  readonly covered: (by: Placed) => boolean;
  readonly signatures: number;
  readonly erasedStatements: number;
}

/** How much later than its end a verdict may be recorded: the record is written after the verdict. */
const SLACK_MS = 60_000;

/** Finds what is wrong with the verdicts on an approval. One that is not good counts for nothing. */
export function judgeVerdicts({ verdicts }: ApprovalCase, opened: OpenedRecord, credentials: Credentials, say: Say): JudgedVerdicts {
  const good: VerdictRecord[] = [];
  let [signatures, erasedStatements] = [0, 0];
  for (const { record, opening } of verdicts) {
    const faults = [...verdictFaults(record, opening, opened)];
    const signed = record.proof === undefined ? undefined : signedBy(record, record.proof, opening, credentials);
    if (typeof signed === 'string') faults.push(['signature', signed]);
    else if (signed !== undefined) {
      signatures += 1;
      if (signed.isErased) erasedStatements += 1;
    }
    for (const [code, why] of faults) say(`verdict_${code}`, record, `The verdict in record ${record.seq} ${why}.`);
    if (faults.length === 0) good.push(record);
  }
  const covered = (by: Placed): boolean => {
    const before = good.filter((record) => isBefore(record, by));
    return before.every(({ approved }) => approved) && opened.policies.every((policy) => peopleFor(policy, before) >= (policy.quorum ?? 1));
  };
  return { covered, signatures, erasedStatements };
}

type Fault = readonly [code: string, why: string];

function* verdictFaults(record: VerdictRecord, opening: VerdictOpening | undefined, opened: OpenedRecord): Generator<Fault> {
  const { approved, policies, assurance, proof } = record;
  if (record.agentId !== opened.agentId || record.toolName !== opened.toolName || record.tenantId !== opened.tenantId)
    yield ['other_call', 'is about another agent or tool than what a person was asked'];
  if (record.effective !== opened.effective) yield ['other_params', 'is about other params than what a person was asked'];
  if (!isBefore(opened, record)) yield ['too_early', 'comes before a person was asked'];
  if ((record.committedAt ?? record.at) > opened.expiresAt + SLACK_MS)
    yield ['too_late', 'comes after the time in which it could be given'];
  const known = new Set(opened.policies.map(({ id }) => id));
  if (policies?.some((id) => !known.has(id)) === true) yield ['other_policies', 'counts for a policy that did not ask'];
  // a no is anyone's who may see it
  if (!approved) return;
  const counting = opened.policies.filter(({ id }) => policies === undefined || policies.includes(id));
  if (isRequester(record, opening, opened) && counting.some(({ selfApproval }) => selfApproval !== true))
    yield ['of_requester', 'is given by the person for whom the call is made'];
  if (counting.some((policy) => !isApprover(record, policy)))
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
function isApprover({ by, assurance, groups }: VerdictRecord, { approvers }: RecordedApprovalPolicy): boolean {
  return (
    approvers === undefined || groups === undefined || isHostOperator(by, assurance) || groups.some((group) => approvers.includes(group))
  );
}

/** How many people said yes for a policy. The operator of the host is one, under every name. */
function peopleFor({ id }: RecordedApprovalPolicy, verdicts: readonly VerdictRecord[]): number {
  const people: string[] = [];
  for (const { by, assurance, policies } of verdicts) {
    if (policies !== undefined && !policies.includes(id)) continue;
    const person = isHostOperator(by, assurance) ? 'host:' : by;
    if (!people.some((other) => isSamePerson(other, person) || maybeSamePerson(other, person))) people.push(person);
  }
  return people.length;
}

/** What a signature proves; in words, why it proves nothing. */
function signedBy(
  record: VerdictRecord,
  proof: VerdictProof,
  opening: VerdictOpening | undefined,
  credentials: Credentials,
): { readonly isErased: boolean } | string {
  const key = credentials.keyAt(record, proof.credential);
  if (key === undefined) return 'is signed with a passkey that its person did not have at that time';
  const signed = passkeyProof(proof, key);
  if (signed === undefined) return 'has a signature that is not good';
  const text = opening?.statement === undefined ? undefined : statementIn(opening.statement);
  if (opening === undefined || text === undefined) return { isErased: true };
  if (createHash('sha256').update(text).digest('base64url') !== signed.challenge) return 'has a signature over something else';
  return states(text, record, signed.origin, opening.salt) ? { isErased: false } : 'has a signature over another verdict';
}

/** The statement is a text, whose canonical text is kept. */
function statementIn(kept: string): string | undefined {
  const text = parsed(kept);
  return typeof text === 'string' ? text : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a statement says what the record says. */
function states(text: string, record: VerdictRecord, origin: string, salt: string): boolean {
  const said = parsed(text) as Readonly<Record<string, unknown>> | null | undefined;
  if (said === undefined || said === null) return false;
  const { decisionId, agentId, toolName, approved, effective, proof, tenantId = 'default' } = record;
  return (
    said['decisionId'] === decisionId &&
    said['agent'] === agentId &&
    said['tool'] === toolName &&
    said['tenant'] === tenantId &&
    said['verdict'] === (approved ? 'approve' : 'deny') &&
    said['origin'] === origin &&
    said['nonce'] === proof?.nonce &&
    said['version'] === proof?.version &&
    typeof said['digest'] === 'string' &&
    digestCommitment('effective', salt, said['digest']) === effective
  );
}
