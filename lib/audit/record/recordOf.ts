import { canonicalText, sha256 } from '../../common/data/canonical.js';
import { EVIDENCE, newSalt } from '../../model/DecisionEvidence.js';
import type {
  DecidedEvent,
  EnteringEvent,
  EscalatedEvent,
  GrantEvent,
  HaltEvent,
  JournalEvent,
  RemindedEvent,
  TaskEvent,
} from '../../model/Journal.js';
import { requesterOf } from '../../model/personId.js';
import { approvalRecords, keepsOpenings, recordedPolicy, tokenHash } from './approvalRecords.js';
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
    case 'reminded':
    case 'escalated':
      return { record: stageRecord(event) };
    case 'verdict':
      if (event.approval === undefined) throw new TypeError('a verdict without its approval');
      return approvalRecords.verdict(event.approval, { statement: event.statement });
    case 'amended':
      if (event.approval === undefined) throw new TypeError('an edit without its approval');
      return approvalRecords.amended(event.approval, { statement: event.statement });
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
      return { record: { kind, agentId, decisionId, outcome, taskId, toolName } };
    }
    case 'grant':
      return { record: grantRecord(event) };
    case 'policies': {
      const { kind, hash, previousHash, by } = event;
      return { record: { kind, by, hash, previousHash } };
    }
    case 'halt':
      return { record: haltRecord(event) };
    case 'security': {
      const { code, subject } = event.diagnostic;
      const { agentId, decisionId, toolName } = subject ?? {};
      return { record: { kind: 'security', agentId, code, decisionId, toolName } };
    }
  }
}

/** What a log writes of an approval that waits long. Of a server: with its tenant. */
export function stageRecord(event: RemindedEvent | EscalatedEvent, tenantId?: string): NewRecord {
  const { agentId, toolName, decisionId, groups } = event;
  if (event.kind === 'reminded') return { kind: 'reminded', agentId, decisionId, groups, percent: event.percent, tenantId, toolName };
  return { kind: 'escalated', afterMs: event.afterMs, agentId, decisionId, groups, tenantId, toolName };
}

/** What a log writes of a halt, or of its end. The words of those who ordered it stay in the store. */
export function haltRecord({ how, haltId, scope, pending, untilMs, by }: Omit<HaltEvent, 'kind' | 'reason'>, tenantId?: string): NewRecord {
  const { all, agentId, toolName, group } = scope;
  return { kind: 'halt', agentId, all, by, group, halt: haltId, how, pending, tenantId, toolName, until: untilMs };
}

/** What a log writes of a decision. Of a server: with the tenant of the call. */
export function decidedRecord(event: Omit<DecidedEvent, 'kind'>, tenantId?: string): OpenRecord {
  const { request, decision, dryRun, approvalId } = event;
  const { agentId, toolName, session, groups, removable } = request;
  const { decisionId, effect, policySetHash, grantId } = decision;
  const { salt = newSalt(), policies, asking, observed, code, facts, limits } = decision[EVIDENCE] ?? {};
  const requester = requesterOf(session?.['user_id']) ?? agentId;
  const values: Record<string, string> = {};
  const commit = (field: string, text: string): string => {
    values[field] = text;
    return commitmentOf(field, salt, sha256(text));
  };
  const text = canonicalText(request.params);
  const digest = sha256(text);
  values['original'] = text;
  const changed = effect === 'deny' ? undefined : decision.params;
  const same = effect === 'deny' ? undefined : commitmentOf('effective', salt, digest);
  return {
    // in the order of a line: see canonicalLine()
    record: {
      kind: 'decided',
      agentId,
      approvalId,
      asking: asking?.map(recordedPolicy),
      callId: request.callId,
      code,
      decisionId,
      dryRun,
      effect,
      effective: changed === undefined ? same : commit('effective', canonicalText(changed)),
      facts: facts === undefined || isEmpty(facts) ? undefined : commit('facts', canonicalText(facts)),
      grantId,
      groups: groups.length === 0 ? undefined : groups,
      limits,
      observed,
      original: commitmentOf('original', salt, digest),
      policies,
      policySetHash,
      removable: removable.length === 0 ? undefined : removable,
      requester: commit('requester', canonicalText(requester)),
      session: session === null ? undefined : commit('session', canonicalText(session)),
      tenantId,
      toolName,
    },
    opening: keepsOpenings(request) ? { decisionId, requester, salt, values } : undefined,
  };
}

/** A change of a grant. Of a server, uses are changes too: in a program, the decision that it answered names it. */
type RecordedGrant = Omit<GrantEvent, 'kind' | 'reason' | 'how'> & {
  readonly how: GrantEvent['how'] | 'used';
  readonly uses?: number | undefined;
};

/** What a log writes of a grant. Of a server: with its tenant. */
export function grantRecord(event: RecordedGrant, tenantId?: string): NewRecord {
  const { how, grantId, agentId, toolName, by, decisionId, maxUses, expiresAtMs, lifts, uses } = event;
  return { kind: 'grant', agentId, by, decisionId, expiresAt: expiresAtMs, grantId, how, lifts, maxUses, tenantId, toolName, uses };
}

function isEmpty(facts: Readonly<Record<string, unknown>>): boolean {
  for (const _ in facts) return false;
  return true;
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
  return { kind: 'entering', agentId, claim, decisionId, effective, idempotent, reused, taskId, toolName };
}
