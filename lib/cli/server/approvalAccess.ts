import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { ApprovalQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Host } from './openHost.js';

/** What a list says of an approval. */
export type ApprovalEntry = Pick<ApprovalRecord, 'decisionId' | 'agentId' | 'toolName' | 'requester' | 'expiresAtMs' | 'reason' | 'status'>;

/** The approvals of a tenant, over its store or its server. */
export interface ApprovalAccess {
  list(query: ApprovalQuery): Promise<readonly ApprovalEntry[]>;
  get(decisionId: string): Promise<ApprovalRecord | undefined>;
  /** @throws VerdictError */
  decide(
    decisionId: string,
    approve: boolean,
    verdict: { readonly digest: string; readonly reason: string | undefined },
  ): Promise<ApprovalEntry>;
}

/** How the operator of a host reaches the approvals of a tenant. */
export function approvalAccess(host: Host): ApprovalAccess {
  if (host.kind === 'server') throw new Error('not yet');
  const { approverGroups, mayApprove, requireRequester } = host.tenant;
  const desk = new ApprovalDesk(host.rows.approvals, { approverGroups, mayApprove, requireRequester });
  const by = `host:${host.operator.user}`;
  return {
    async list(query) {
      return (await desk.list(query)).map(entryOf);
    },
    get: async (decisionId) => desk.get(decisionId),
    async decide(decisionId, approve, verdict) {
      return entryOf(await desk[approve ? 'approve' : 'deny'](decisionId, { by, ...verdict }));
    },
  };
}

function entryOf({ decisionId, agentId, toolName, requester, expiresAtMs, reason, status }: ApprovalRecord): ApprovalEntry {
  return { decisionId, agentId, toolName, requester, expiresAtMs, reason, status };
}
