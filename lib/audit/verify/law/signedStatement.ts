import { createHash } from 'node:crypto';
import type { AmendedRecord, VerdictRecord } from '../../record/AuditRecord.js';
import { digestCommitment } from '../line/openingFault.js';
import type { VerdictOpening } from './ApprovalCase.js';
import type { ApprovalStage } from './approvalStages.js';
import { statedAs } from './Credentials.js';
import type { Credentials } from './Credentials.js';
import { passkeyProof } from './passkeyProof.js';

type Proof = NonNullable<VerdictRecord['proof']>;

/** What a signature proves; in words, why it proves nothing. */
export function signedStatement(
  record: VerdictRecord | AmendedRecord,
  proof: Proof,
  opening: VerdictOpening | undefined,
  stage: ApprovalStage,
  credentials: Credentials,
): { readonly isErased: boolean } | string {
  const key = credentials.keyAt(record, proof.credential);
  if (key === undefined) return 'is signed with a passkey that its person did not have at that time';
  const signed = passkeyProof(proof, key);
  if (signed === undefined) return 'has a signature that is not good';
  if (record.statement === undefined) return 'has a signature, and nothing that it is over';
  if (!credentials.isOver(signed.challenge, record)) return 'has the signature of another verdict';
  // its canonical text is kept as it was signed
  const text = opening?.statement;
  if (opening === undefined || text === undefined) return { isErased: true };
  if (createHash('sha256').update(text).digest('base64url') !== signed.challenge) return 'has a signature over something else';
  return states(text, record, proof, signed.origin, opening.salt, stage) ? { isErased: false } : 'has a signature over another verdict';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a statement says what the record says. */
function states(
  text: string,
  record: VerdictRecord | AmendedRecord,
  proof: Proof,
  origin: string,
  salt: string,
  stage: ApprovalStage,
): boolean {
  const said = parsed(text) as Readonly<Record<string, unknown>> | null | undefined;
  if (said === undefined || said === null) return false;
  const { decisionId, agentId, toolName, effective, tenantId = 'default' } = record;
  return (
    said['decisionId'] === decisionId &&
    said['agent'] === agentId &&
    said['tool'] === toolName &&
    said['tenant'] === tenantId &&
    said['verdict'] === statedAs(record) &&
    said['origin'] === origin &&
    said['version'] === proof.version &&
    typeof said['digest'] === 'string' &&
    digestCommitment('effective', salt, said['digest']) === effective &&
    statesEdit(said['amendment'], stage, salt)
  );
}

/** Whether a statement names the edit that made what it is about, or none where there is none. */
function statesEdit(said: unknown, { since, number }: ApprovalStage, salt: string): boolean {
  if (since.kind === 'opened') return said === undefined || said === null;
  const edit = Object(said) as Readonly<Record<string, unknown>>;
  const commits = (digest: unknown): string | undefined => digestCommitment('effective', salt, String(digest));
  return (
    edit['number'] === number && edit['by'] === since.by && commits(edit['from']) === since.from && commits(edit['to']) === since.effective
  );
}
