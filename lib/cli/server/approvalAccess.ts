import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { DescribedApproval } from '../../decision/desk/describeApproval.js';
import type { ApprovalQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import type { Host } from './openHost.js';
import { servedApprovals } from './servedApprovals.js';

/** What a list says of an approval. */
export type ApprovalEntry = Pick<ApprovalRecord, 'decisionId' | 'agentId' | 'toolName' | 'requester' | 'expiresAtMs' | 'reason' | 'status'>;

/** What the person who decides is shown. */
export interface ApprovalView extends ApprovalEntry, DescribedApproval {
  readonly verdicts: readonly { readonly by: string }[];
}

/** What was decided, on exactly what was shown. */
interface GivenVerdict {
  readonly digest: string;
  readonly reason: string | undefined;
}

/** The approvals of a tenant, over its store or its server. */
export interface ApprovalAccess {
  /** Oldest first. */
  list(query: ApprovalQuery): Promise<readonly ApprovalEntry[]>;
  get(decisionId: string): Promise<ApprovalView | undefined>;
  /** @throws VerdictError, CliError */
  decide(decisionId: string, approve: boolean, verdict: GivenVerdict): Promise<ApprovalEntry>;
}

/** How the operator of a host reaches the approvals of a tenant. */
export function approvalAccess(host: Host): ApprovalAccess {
  if (host.kind === 'server') return servedApprovals(host.client);
  const { approverGroups, mayApprove, requireRequester } = host.tenant;
  const { tenantId, user } = host.operator;
  // approvals of the default tenant are bound as those of programs without a server
  const bound = tenantId === DEFAULT_TENANT ? {} : { tenantId };
  const desk = new ApprovalDesk(host.rows.approvals, { approverGroups, mayApprove, requireRequester, ...bound });
  const given = { by: `host:${user}`, assurance: 'host' } as const;
  return {
    list: async (query) => (await desk.list(query)).map(entryOf),
    get: async (decisionId) => desk.get(decisionId),
    decide: async (decisionId, approve, verdict) => entryOf(await desk[approve ? 'approve' : 'deny'](decisionId, { ...given, ...verdict })),
  };
}

function entryOf({ decisionId, agentId, toolName, requester, expiresAtMs, reason, status }: ApprovalRecord): ApprovalEntry {
  return { decisionId, agentId, toolName, requester, expiresAtMs, reason, status };
}
