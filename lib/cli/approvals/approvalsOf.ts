import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { EditPreview } from '../../decision/desk/DeskVerdicts.js';
import { editableIn } from '../../decision/amend/editablePointers.js';
import { EmbeddedDecisionService } from '../../decision/embedded/EmbeddedDecisionService.js';
import { Grants } from '../../decision/grant/Grants.js';
import { ReloadablePolicies } from '../../policy/live/ReloadablePolicies.js';
import { Identity } from '../../server/people/Identity.js';
import { toolSettings } from '../../server/tenant/toolSettings.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import { CliError } from '../CliIo.js';
import type { Host } from '../server/openHost.js';
import type { ApprovalAccess, ApprovalEntry, ApprovalView, PreviewedEdit } from './ApprovalAccess.js';
import { servedApprovals } from './servedApprovals.js';

type StoreHost = Extract<Host, { kind: 'store' }>;

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
  const grants = new Grants({ desk, records: () => host.rows.records, now: () => Date.now() });
  const given = { by: `host:${user}`, assurance: 'host' } as const;
  const served = servingOf(host);
  return {
    list: async (query) => (await desk.list(query)).map(entryOf),
    get: async (decisionId) => {
      const record = await desk.get(decisionId);
      return record && viewOf(record);
    },
    async preview(shown, edit) {
      const { decisionId, digest } = shown;
      const access = await served(decisionId);
      if (access !== undefined) return access.preview(shown, edit);
      judgeAt(desk, host);
      return previewOf(await desk.previewEdit(decisionId, { ...given, ...edit, digest }));
    },
    propose: async (decisionId, { loosen, loosenSession, loosenFacts, anyRequester }) =>
      grants.propose(decisionId, { loosen, loosenSession, loosenFacts, anyRequester }),
    async decide(decisionId, act, verdict) {
      const { edit, grant, ...shown } = verdict;
      const access = edit && (await served(decisionId));
      if (access !== undefined) return access.decide(decisionId, act, verdict);
      if (edit !== undefined) judgeAt(desk, host);
      return entryOf(
        act === 'amend'
          ? await desk.amend(decisionId, { ...given, ...shown, ...edit })
          : await desk[act](decisionId, { ...given, ...shown, edit, grant }),
      );
    },
  };
}

/** The server that has this approval and decides edits of it by its own policies, where one runs. */
function servingOf({ served }: StoreHost): (decisionId: string) => Promise<ApprovalAccess | undefined> {
  let isThere: Promise<boolean> | undefined;
  return async (decisionId) => {
    if (served === undefined || !(await (isThere ??= served.isThere()))) return undefined;
    const access = servedApprovals(served);
    return (await access.get(decisionId)) === undefined ? undefined : access;
  };
}

/** Decides edits by the policies that the configuration names. @throws CliError where it names none */
function judgeAt(desk: ApprovalDesk, { tenant }: StoreHost): void {
  const { policies: source, agents, tools, facts, factsTimeoutMs } = tenant;
  if (source === undefined)
    throw new CliError(
      'policies have to decide the edited call, and there are none here; start the server with npx aegis serve, or name its policies in AEGIS_SERVER_POLICIES or the configuration',
    );
  const groups = [...new Set([...toolSettings(tools).values()].flatMap((tool) => tool.groups))];
  const policies = new ReloadablePolicies({ source, agents, groups });
  // it makes itself the judge of the desk
  void new EmbeddedDecisionService({ policies, desk, facts, factsTimeoutMs });
}

function previewOf({ approval, asking, added, changes, standing }: EditPreview): PreviewedEdit {
  return { view: viewOf(approval), asking, added, changes, whyNot: standing.why?.message };
}

function viewOf(record: ApprovalRecord): ApprovalView {
  return { ...record, editable: editableIn(record) };
}

function entryOf({ decisionId, agentId, toolName, requester, expiresAtMs, reason, status }: ApprovalRecord): ApprovalEntry {
  return { decisionId, agentId, toolName, requester, expiresAtMs, reason, status };
}
