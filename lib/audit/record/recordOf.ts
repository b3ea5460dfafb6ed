import { canonicalText, sha256 } from '../../common/data/canonical.js';
import { EVIDENCE, newSalt } from '../../model/DecisionEvidence.js';
import type { DecidedEvent, EnteringEvent, JournalEvent, TaskEvent } from '../../model/Journal.js';
import { requesterOf } from '../../model/personId.js';
import { approvalRecords, tokenHash } from './approvalRecords.js';
import type { OpenRecord } from './OpenRecord.js';
import type { NewRecord } from './AuditRecord.js';
import { commitmentOf } from './commitment.js';

/** Events of which a log writes a record: what becomes of a task is in the records of its approval and its run. */
export type RecordedEvent = Exclude<JournalEvent, TaskEvent>;

/**
 * What a log writes of an event.
 *
 * @throws TypeError for a value that has no canonical form; the snapshot of a call always has one
 */
export function recordOf(event: RecordedEvent): OpenRecord {
  switch (event.kind) {
    case 'decided':
      return decidedRecord(event);
    case 'opened':
      if (event.approval !== undefined) return approvalRecords.opened(event.approval, { taskId: event.task.taskId });
      return { record: approvalRecords.openedElsewhere(event.task) };
    case 'verdict':
      if (event.approval === undefined) throw new TypeError('a verdict without its approval');
      return approvalRecords.verdict(event.approval, { statement: event.statement });
    case 'consumed':
      return approvalRecords.consumed(event.approval);
    case 'begun':
      return approvalRecords.begun(event.approval);
    case 'ended':
      return approvalRecords.ended(event, event.how);
    case 'entering':
      return { record: enteringRecord(event) };
    case 'settled': {
      const { kind, agentId, toolName, decisionId, taskId, outcome } = event;
      return { record: { kind, decisionId, agentId, toolName, taskId, outcome } };
    }
    case 'policies': {
      const { kind, hash, previousHash } = event;
      return { record: { kind, hash, previousHash } };
    }
    case 'security': {
      const { code, subject } = event.diagnostic;
      return { record: { kind: 'security', code, ...subject } };
    }
  }
}

/** What a log writes of a decision. Of a server: with the tenant of the call. */
export function decidedRecord(event: Omit<DecidedEvent, 'kind'>, tenantId?: string): OpenRecord {
  const { request, decision, dryRun, approvalId } = event;
  const { agentId, toolName, session } = request;
  const { decisionId, effect, policySetHash } = decision;
  const { salt = newSalt(), policies, observed, code, facts } = decision[EVIDENCE] ?? {};
  const requester = requesterOf(session?.['user_id']) ?? agentId;
  const values: Record<string, string> = { original: canonicalText(request.params), requester: canonicalText(requester) };
  if (session !== null) values['session'] = canonicalText(session);
  if (facts !== undefined && Object.keys(facts).length > 0) values['facts'] = canonicalText(facts);
  const changed = effect === 'deny' ? undefined : decision.params;
  if (changed !== undefined) values['effective'] = canonicalText(changed);
  const digests = Object.fromEntries(Object.entries(values).map(([field, text]) => [field, sha256(text)]));
  const commit = (field: string, digest: string | undefined): string | undefined =>
    digest === undefined ? undefined : commitmentOf(field, salt, digest);
  return {
    record: {
      kind: 'decided',
      tenantId,
      decisionId,
      agentId,
      toolName,
      callId: request.callId,
      effect,
      code,
      policies,
      policySetHash,
      dryRun,
      approvalId,
      original: commitmentOf('original', salt, digests['original'] as string),
      effective: effect === 'deny' ? undefined : commit('effective', digests['effective'] ?? digests['original']),
      session: commit('session', digests['session']),
      facts: commit('facts', digests['facts']),
      requester: commit('requester', digests['requester']),
      observed,
    },
    opening: { decisionId, requester, salt, values },
  };
}

function enteringRecord({
  agentId,
  toolName,
  decisionId,
  taskId,
  token,
  params,
  reused,
  idempotent,
  auditSalt = newSalt(),
}: EnteringEvent): NewRecord {
  const effective = commitmentOf('effective', auditSalt, sha256(canonicalText(params)));
  const claim = token === undefined ? undefined : tokenHash(token);
  return { kind: 'entering', decisionId, agentId, toolName, taskId, claim, effective, reused, idempotent };
}
