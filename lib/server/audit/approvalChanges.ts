import { approvalRecords } from '../../audit/record/approvalRecords.js';
import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import { amendmentStatement, recordedStatement } from '../../decision/desk/verdictStatement.js';
import type { ApprovalRecord, Verdict, VerdictProof } from '../../store/ApprovalStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';

/** What a log writes of a change of an approval: what the new one has and the old one has not. */
export function approvalChanges(before: ApprovalRecord, after: ApprovalRecord, tenantId?: string): readonly OpenRecord[] {
  const entries: OpenRecord[] = [];
  const context = { tenantId };
  const isEdited = (after.amendments?.length ?? 0) > (before.amendments?.length ?? 0);
  if (isEdited) entries.push(approvalRecords.amended(after, { tenantId, statement: amendmentStatementOf(after, tenantId) }));
  // an edit takes away those from before
  for (const verdict of after.verdicts.slice(isEdited ? 0 : before.verdicts.length)) {
    const until = { ...after, verdicts: after.verdicts.slice(0, after.verdicts.indexOf(verdict) + 1) };
    entries.push(approvalRecords.verdict(until, { tenantId, statement: statementOf(until, verdict, tenantId) }));
  }
  if (after.consumed !== undefined && before.consumed === undefined) entries.push(approvalRecords.consumed(after, context));
  if (after.begun !== undefined && before.begun === undefined) entries.push(approvalRecords.begun(after, context));
  const { status, outcome, decisionId, agentId, toolName } = after;
  if ((status === 'expired' || status === 'withdrawn') && status !== before.status)
    entries.push(approvalRecords.ended(after, status, context));
  if (outcome !== undefined && outcome.status !== before.outcome?.status)
    entries.push({ record: { kind: 'settled', tenantId, decisionId, agentId, toolName, outcome: outcome.status, reported: true } });
  return entries;
}

/** What the person signed who edited the params without a verdict. */
function amendmentStatementOf(record: ApprovalRecord, tenantId: string | undefined): string | undefined {
  const proof = record.amendments?.at(-1)?.proof;
  return (
    proof && amendmentStatement(record, proof, originOf(proof), tenantId === undefined || tenantId === DEFAULT_TENANT ? null : tenantId)
  );
}

/** What the person signed. The browser says for which server it was; a signature that is another one's was refused. */
function statementOf(record: ApprovalRecord, verdict: Verdict, tenantId: string | undefined): string | undefined {
  if (verdict.proof === undefined) return undefined;
  return recordedStatement(
    record,
    verdict,
    originOf(verdict.proof),
    tenantId === undefined || tenantId === DEFAULT_TENANT ? null : tenantId,
  );
}

function originOf({ clientDataJSON }: VerdictProof): string {
  return (JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8')) as { readonly origin: string }).origin;
}
