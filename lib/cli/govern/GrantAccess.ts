import { SteadyClock } from '../../common/time/SteadyClock.js';
import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import { Grants } from '../../decision/grant/Grants.js';
import { readGrants } from '../../decision/wire/grant/grantAnswer.js';
import type { Grant } from '../../model/terms/Grant.js';
import { CliError } from '../CliIo.js';
import type { Host } from '../server/openHost.js';

/** Selects grants. */
export interface GrantFilter {
  readonly agent: string | undefined;
  readonly tool: string | undefined;
  readonly active: boolean;
}

/** The grants of a tenant, over its store or its server. */
export interface GrantAccess {
  /** Oldest first. */
  list(filter: GrantFilter): Promise<readonly Grant[]>;
  get(id: string): Promise<Grant | undefined>;
  explain(id: string): Promise<string>;
  revoke(id: string, reason: string | undefined): Promise<Grant>;
}

/** How the operator of a host reaches the grants of a tenant. */
export function grantsOf(host: Host): GrantAccess {
  return host.kind === 'server' ? servedGrants(host) : storedGrants(host);
}

function storedGrants(host: Extract<Host, { kind: 'store' }>): GrantAccess {
  const clock = new SteadyClock();
  const { records, approvals } = host.rows;
  const grants = new Grants({ desk: new ApprovalDesk(approvals), records: () => records, now: () => clock.now() });
  return {
    list: ({ agent: agentId, tool: toolName, active }) => grants.list({ agentId, toolName, active }),
    get: (id) => grants.get(id),
    explain: (id) => grants.explain(id),
    revoke: (id, reason) => grants.revoke(id, { by: `host:${host.operator.user}`, reason }),
  };
}

function servedGrants({ client }: Extract<Host, { kind: 'server' }>): GrantAccess {
  const read = (answer: unknown): NonNullable<ReturnType<typeof readGrants>> => {
    const grants = readGrants(answer);
    if (grants !== undefined) return grants;
    throw new CliError('the server answered something else than grants; it may be of another version');
  };
  const pathOf = (id: string): string => `/v1/grants/${encodeURIComponent(id)}`;
  const one = async (id: string): Promise<ReturnType<typeof read>[number] | undefined> => {
    const answer = await client.ask('GET', pathOf(id), undefined, [404]);
    return answer === undefined ? undefined : read(answer)[0];
  };
  return {
    async list({ agent, tool, active }) {
      const given = { agent, tool, ...(active && { active: 'true' }) };
      const query = new URLSearchParams(Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined));
      // an empty query is not sent, so it must not be signed
      return read(await client.ask('GET', query.size === 0 ? '/v1/grants' : `/v1/grants?${query.toString()}`));
    },
    get: one,
    async explain(id) {
      const grant = await one(id);
      if (grant?.cedar === undefined) throw new CliError('the server does not say what this grant covers; it may be of another version');
      return grant.cedar;
    },
    revoke: async (id, reason) =>
      read(await client.ask('POST', `${pathOf(id)}/revoke`, reason === undefined ? {} : { reason }))[0] as Grant,
  };
}
