import { grantRecord } from '../../audit/record/recordOf.js';
import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import type { Grant } from '../../model/terms/Grant.js';
import type { StoredRecord } from '../../store/RecordStore.js';

interface Body {
  readonly used: number;
  readonly revoked: Grant['revoked'] | null;
  readonly grant: Grant;
}

/** What a log writes of a change of a grant: that it was made, each use, and that it was taken back. */
export function grantChanges(after: StoredRecord, before: StoredRecord | undefined, tenantId: string | undefined): readonly OpenRecord[] {
  const { used, revoked, grant } = JSON.parse(after.body) as Body;
  const { agentId, toolName, fromDecision: decisionId, by, maxUses, expiresAtMs, lifts } = grant;
  const fields = { grantId: after.id, agentId, toolName, decisionId };
  if (before === undefined) return [{ record: grantRecord({ ...fields, how: 'made', by, maxUses, expiresAtMs, lifts }, tenantId) }];
  const then = JSON.parse(before.body) as Body;
  const changes: OpenRecord[] = [];
  if (used > then.used) changes.push({ record: grantRecord({ ...fields, how: 'used', by, uses: used }, tenantId) });
  if (revoked !== null && then.revoked === null)
    changes.push({ record: grantRecord({ ...fields, how: 'revoked', by: revoked?.by ?? by }, tenantId) });
  return changes;
}
