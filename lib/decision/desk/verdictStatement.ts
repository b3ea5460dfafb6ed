import { createHash } from 'node:crypto';
import { canonicalText } from '../../common/data/canonical.js';
import type { ApprovalPolicy, ApprovalRecord, Verdict, VerdictProof } from '../../store/ApprovalStore.js';
import { severityOf } from './assurance.js';

/** The verdict that is signed, and for which server. */
export interface StatedVerdict {
  /** `amend`: the params are edited, without a verdict on them. */
  readonly approve: boolean | 'amend';
  readonly reason: string | undefined;
  /** Scheme, host and port of the server, such as `https://aegis.example.com`. */
  readonly origin: string;
  /** A random value that is used once. */
  readonly nonce: string;
  /** SHA-256 of all that the grant says that is made with it; absent where there is none. */
  readonly grantDigest?: string | undefined;
  /** The tenant of the approval; null for that of a process without tenants. */
  readonly tenantId: string | null;
}

/** The version of the statement: what is in it, and how it is written. */
export const STATEMENT_VERSION = 'aegis-verdict-1';

/** What a person signs with a passkey: everything that was shown, and what they make of it. The same text for ever, from the record alone. */
export function verdictStatement(record: ApprovalRecord, { approve, reason, origin, nonce, tenantId, grantDigest }: StatedVerdict): string {
  const { decisionId, version, agentId, toolName, guardKey, originalDigest, digest, sessionDigest, factsDigest, requester } = record;
  return canonicalText({
    statement: STATEMENT_VERSION,
    origin,
    nonce,
    tenant: tenantId ?? 'default',
    decisionId,
    version,
    agent: agentId,
    tool: toolName,
    guardKey,
    originalDigest,
    digest,
    sessionDigest,
    factsDigest,
    requester,
    policies: record.policies.map((policy) => statedPolicy(policy, record)),
    policySetHash: record.policySetHash,
    severity: severityOf(record.policies),
    expiresAtMs: record.expiresAtMs,
    amendment: amendmentIn(record),
    verdict: approve === 'amend' ? approve : approve ? 'approve' : 'deny',
    reasonDigest: sha256(reason ?? '').toString('hex'),
    ...(record.preview !== undefined && { previewDigest: record.preview.digest }),
    ...(grantDigest !== undefined && { grantDigest }),
  });
}

/** The challenge of a WebAuthn signature over a statement: its SHA-256, base64url. */
export function verdictChallenge(record: ApprovalRecord, stated: StatedVerdict): string {
  return sha256(verdictStatement(record, stated)).toString('base64url');
}

/**
 * The challenge of a verdict that was recorded: the same that was signed, though the approval has gone on since.
 *
 * @param record as it is now
 * @param verdict one of its verdicts, with a proof
 * @param origin that the signature names
 */
export function recordedChallenge(
  record: ApprovalRecord,
  verdict: Verdict,
  origin: string,
  tenantId: string | null = null,
): string | undefined {
  const statement = recordedStatement(record, verdict, origin, tenantId);
  return statement === undefined ? undefined : sha256(statement).toString('base64url');
}

/** The statement of a verdict that was recorded; `undefined` where none was signed. The parameters are those of {@link recordedChallenge}. */
export function recordedStatement(
  record: ApprovalRecord,
  verdict: Verdict,
  origin: string,
  tenantId: string | null = null,
): string | undefined {
  const at = record.verdicts.indexOf(verdict);
  const { proof, approve, reason, grant } = verdict;
  if (proof === undefined || at < 0) return undefined;
  const then = { ...record, version: proof.version, verdicts: record.verdicts.slice(0, at) };
  return verdictStatement(then, { approve, reason, origin, nonce: proof.nonce, tenantId, grantDigest: grant?.digest });
}

/**
 * The statement of the last edit of an approval, where it was signed without a verdict. No verdict had been given on what it made.
 *
 * @param proof of the edit
 */
export function amendmentStatement(record: ApprovalRecord, proof: VerdictProof, origin: string, tenantId: string | null = null): string {
  const then = { ...record, version: proof.version, verdicts: [] };
  const reason = record.amendments?.at(-1)?.reason;
  return verdictStatement(then, { approve: 'amend', reason, origin, nonce: proof.nonce, tenantId });
}

/** The last edit: which one it is, whose, and between which params. */
function amendmentIn({ amendments = [] }: ApprovalRecord): object | null {
  const last = amendments.at(-1);
  return last === undefined ? null : { number: amendments.length, by: last.by, from: last.from, to: last.to };
}

/** A policy and who has a seat of it. Where it takes several people, or none who counts elsewhere, all whose yes may count. */
function statedPolicy({ id, hash, quorum, distinct }: ApprovalPolicy, { verdicts }: ApprovalRecord): Readonly<Record<string, unknown>> {
  const yes = verdicts.flatMap(({ policies, by }) => (policies.includes(id) ? [by] : []));
  if (quorum === undefined && distinct === undefined) return { id, hash, filledBy: yes[0] ?? null };
  return { id, hash, seats: quorum ?? 1, distinct: distinct ?? false, filledBy: yes };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
