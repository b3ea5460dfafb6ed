import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import { Grants } from '../../decision/grant/Grants.js';
import { Identity } from '../../server/people/Identity.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import type { ApprovalAccess, ApprovalEntry } from './ApprovalAccess.js';
import type { Host } from './openHost.js';
import { servedApprovals } from './servedApprovals.js';

/** How the operator of a host reaches the approvals of a tenant. */
export function approvalsOf(host: Host): ApprovalAccess {
  if (host.kind === 'server') return servedApprovals(host.client);
  const { approverGroups, mayApprove, directory, requireRequester, requireKnownRequester } = host.tenant;
  const rules = { approverGroups, mayApprove, directory, requireRequester, requireKnownRequester };
  const { tenantId, user } = host.operator;
  // approvals of the default tenant are bound as those of programs without a server
  const bound = tenantId === DEFAULT_TENANT ? {} : { tenantId };
  const desk = new ApprovalDesk(host.rows.approvals, { ...rules, ...bound });
  // once people are known, the operator of the host is no member of every group
  desk.usePeople({ directory: new Identity({ tenantId, records: host.rows.records, stateKey: host.stateKey }).directory });
  // a refusal ends the grants that would cover the call
  void new Grants({ desk, records: () => host.rows.records, now: () => Date.now() });
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
