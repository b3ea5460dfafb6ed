import type { VerdictProof } from '../../store/ApprovalStore.js';
import { canonicalText, sha256 } from '../../common/data/canonical.js';
import { newSalt } from '../../model/DecisionEvidence.js';
import type { JournaledApproval, JournaledPolicy, JournaledVerdict } from '../../model/DecisionEvidence.js';
import { maybeSamePerson } from '../../model/personId.js';
import type { PendingTask } from '../../model/Task.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import type { NewRecord, RecordedApprovalPolicy } from './AuditRecord.js';
import { commitmentOf, sha256Url } from './commitment.js';
import type { OpenRecord } from './OpenRecord.js';

/** What a log adds to an approval that it writes of. */
export interface ApprovalContext {
  /** Of a server: whose call it is. */
  readonly tenantId?: string | undefined;
  /** The task that waits for it, where that is known. */
  readonly taskId?: string | undefined;
}

/** The records of approvals. */
export interface ApprovalRecords {
  /** A person is asked. */
  readonly opened: typeof openedRecord;
  /** A person is asked by a service elsewhere: its policies are in its own log. */
  readonly openedElsewhere: typeof openedElsewhere;
  /** A person decided. */
  readonly verdict: typeof verdictRecord;
  /** A person edited the params. */
  readonly amended: typeof amendedRecord;
  /** An approval was used. */
  readonly consumed: typeof consumedRecord;
  /** The claim that may enter was recorded. */
  readonly begun: typeof begunRecord;
  /** An approval ended without a run. */
  readonly ended: typeof endedRecord;
}

/** A claim, or the token of a use, as a log shows it: a reader of the log cannot use it. */
export function tokenHash(token: string): string {
  return sha256Url(token);
}

/** A person is asked. */
function openedRecord(approval: JournaledApproval, { tenantId, taskId }: ApprovalContext = {}): OpenRecord {
  const { decisionId, agentId, toolName, policySetHash, expiresAtMs, originalDigest, digest, requester, preview } = approval;
  const salt = saltOf(approval);
  return {
    record: {
      kind: 'opened',
      agentId,
      decisionId,
      effective: commitmentOf('effective', salt, digest),
      expiresAt: expiresAtMs,
      original: commitmentOf('original', salt, originalDigest),
      policies: approval.policies.map(recordedPolicy),
      policySetHash,
      preview: preview && commitmentOf('preview', salt, preview.digest),
      requester: commitmentOf('requester', salt, sha256(canonicalText(requester))),
      taskId,
      tenantId,
      toolName,
    },
  };
}

/** A person is asked by a service elsewhere: its policies are in its own log. */
function openedElsewhere(task: PendingTask): NewRecord {
  const { decisionId, agentId, toolName, taskId, expiresAtMs, originalDigest, digest, auditSalt = newSalt() } = task;
  return {
    kind: 'opened',
    agentId,
    decisionId,
    effective: commitmentOf('effective', auditSalt, digest),
    expiresAt: expiresAtMs,
    original: commitmentOf('original', auditSalt, originalDigest),
    policies: [],
    taskId,
    toolName,
  };
}

/**
 * A person decided.
 *
 * @param approval as it is right after the verdict
 * @param statement what the person signed, where they did: see `verdictStatement`
 * @throws TypeError where it has no verdict
 */
function verdictRecord(
  approval: JournaledApproval,
  { tenantId, statement }: ApprovalContext & { readonly statement?: string | undefined } = {},
): OpenRecord {
  const verdict: JournaledVerdict | undefined = approval.verdicts.at(-1);
  if (verdict === undefined) throw new TypeError('an approval without a verdict');
  const { decisionId, agentId, toolName, status, digest, requester } = approval;
  const { by, approve, policies, assurance, groups, reason, proof } = verdict;
  const salt = saltOf(approval);
  const values: Record<string, string> = {};
  if (reason !== undefined) values['reason'] = canonicalText(reason);
  // canonical text already, and its digest is the challenge that was signed
  if (statement !== undefined) values['statement'] = statement;
  const commit = (field: string): string | undefined => {
    const text = values[field];
    return text === undefined ? undefined : commitmentOf(field, salt, sha256(text));
  };
  return {
    record: {
      kind: 'verdict',
      agentId,
      approved: approve,
      assurance,
      by,
      decisionId,
      effective: commitmentOf('effective', salt, digest),
      groups,
      isRequester: maybeSamePerson(by, requester) || undefined,
      policies,
      proof: proof && withoutNonce(proof),
      reason: commit('reason'),
      statement: commit('statement'),
      status,
      tenantId,
      toolName,
    },
    opening: Object.keys(values).length === 0 || !keepsOpenings(approval) ? undefined : { decisionId, requester, salt, values },
  };
}

/**
 * Whether the values of a call are kept beside its commitments. Where one is hidden from the audit log none is: all have one salt, and with it a short value
 * could be guessed.
 */
export function keepsOpenings({ sensitive = {} }: { readonly sensitive?: Sensitive | undefined }): boolean {
  return Object.values(sensitive).every(({ audit }) => audit === 'full');
}

/**
 * A person edited the params.
 *
 * @param approval as it is right after its last edit
 * @param statement what the person signed, where they did without a verdict: see `verdictStatement`
 * @throws TypeError where it was never edited
 */
function amendedRecord(
  approval: JournaledApproval,
  { tenantId, statement }: ApprovalContext & { readonly statement?: string | undefined } = {},
): OpenRecord {
  const amendment = approval.amendments?.at(-1);
  if (amendment === undefined) throw new TypeError('an approval without an edit');
  const { decisionId, agentId, toolName, requester, policySetHash } = approval;
  const { by, assurance, groups, from, to, changes, reason, proof } = amendment;
  const salt = saltOf(approval);
  const values: Record<string, string> = { changed: canonicalText(changes.map(({ pointer }) => pointer)) };
  if (reason !== undefined) values['reason'] = canonicalText(reason);
  if (statement !== undefined) values['statement'] = statement;
  const commit = (field: string): string => commitmentOf(field, salt, sha256(values[field] as string));
  return {
    record: {
      kind: 'amended',
      agentId,
      assurance,
      by,
      changed: commit('changed'),
      decisionId,
      effective: commitmentOf('effective', salt, to),
      from: commitmentOf('effective', salt, from),
      groups,
      policies: approval.policies.map(recordedPolicy),
      policySetHash,
      proof: proof && withoutNonce(proof),
      reason: reason === undefined ? undefined : commit('reason'),
      statement: statement === undefined ? undefined : commit('statement'),
      tenantId,
      toolName,
    },
    opening: keepsOpenings(approval) ? { decisionId, requester, salt, values } : undefined,
  };
}

/** The nonce is the one thing in what was signed that no one can guess: it is in the statement alone, and gone with it. */
function withoutNonce(proof: VerdictProof): Omit<VerdictProof, 'nonce'> {
  const { kind, credential, version, clientDataJSON, authenticatorData, signature } = proof;
  return { kind, credential, version, clientDataJSON, authenticatorData, signature };
}

/** An approval was used. @throws TypeError where it was not */
function consumedRecord(approval: JournaledApproval, { tenantId }: ApprovalContext = {}): OpenRecord {
  const { decisionId, agentId, toolName, digest, consumed } = approval;
  if (consumed === undefined) throw new TypeError('an approval that was not used');
  const effective = commitmentOf('effective', saltOf(approval), digest);
  return { record: { kind: 'consumed', agentId, decisionId, effective, tenantId, token: tokenHash(consumed.token), toolName } };
}

/** The claim that may enter was recorded. @throws TypeError where none was */
function begunRecord(approval: JournaledApproval, { tenantId }: ApprovalContext = {}): OpenRecord {
  const { decisionId, agentId, toolName, begun } = approval;
  if (begun === undefined) throw new TypeError('an approval that has not begun');
  return { record: { kind: 'begun', agentId, claim: tokenHash(begun.claimToken), decisionId, tenantId, toolName } };
}

/** An approval ended without a run. */
function endedRecord(
  { decisionId, agentId, toolName }: Pick<JournaledApproval, 'decisionId' | 'agentId' | 'toolName'>,
  how: 'expired' | 'withdrawn',
  { tenantId }: ApprovalContext = {},
): OpenRecord {
  return { record: { kind: 'ended', agentId, decisionId, how, tenantId, toolName } };
}

/** What a log writes of approvals, each right after it was stored. */
export const approvalRecords: ApprovalRecords = {
  opened: openedRecord,
  openedElsewhere,
  verdict: verdictRecord,
  amended: amendedRecord,
  consumed: consumedRecord,
  begun: begunRecord,
  ended: endedRecord,
};

/** A policy that asks, as a log has it. */
export function recordedPolicy(policy: JournaledPolicy): RecordedApprovalPolicy {
  const { id, hash, severity, approvers, selfApproval, quorum, distinct, escalate, editorMayApprove, needsPreview } = policy;
  return { id, hash, severity, approvers, selfApproval, quorum, distinct, escalate, editorMayApprove, needsPreview };
}

/** An approval that was opened without a log has none: its values are then linked to nothing. */
function saltOf({ auditSalt = newSalt() }: JournaledApproval): string {
  return auditSalt;
}
