import type { Awaitable } from '../../common/awaitable.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import { Grants } from '../../decision/grant/Grants.js';
import { grantAnswer, grantsAnswer, wireGrant } from '../../decision/wire/grantAnswer.js';
import type { WireGrant } from '../../decision/wire/grantAnswer.js';
import * as v from 'valibot';
import { CliError } from '../CliIo.js';
import type { Host } from '../server/openHost.js';

/** A grant as the command line shows it: as it is on the wire. */
export type ShownGrant = WireGrant;

/** Selects grants. */
export interface GrantFilter {
  readonly agent: string | undefined;
  readonly tool: string | undefined;
  readonly active: boolean;
}

/** The grants of a tenant, over its store or its server. */
export interface GrantAccess {
  /** Oldest first. */
  list(filter: GrantFilter): Promise<readonly ShownGrant[]>;
  get(id: string): Promise<ShownGrant | undefined>;
  explain(id: string): Awaitable<string>;
  revoke(id: string, reason: string | undefined): Promise<ShownGrant>;
}

/** How the operator of a host reaches the grants of a tenant. */
export function grantsOf(host: Host): GrantAccess {
  return host.kind === 'server' ? servedGrants(host) : storedGrants(host);
}

function storedGrants(host: Extract<Host, { kind: 'store' }>): GrantAccess {
  const clock = new SteadyClock();
  const { records, approvals } = host.rows;
  const grants = new Grants({ desk: new ApprovalDesk(approvals), records: () => records, now: () => clock.now() });
  const shown = (grant: Parameters<typeof wireGrant>[0]): ShownGrant => wireGrant(grant, clock.now());
  return {
    list: async ({ agent: agentId, tool: toolName, active }) => (await grants.list({ agentId, toolName, active })).map(shown),
    get: async (id) => {
      const grant = await grants.get(id);
      return grant && shown(grant);
    },
    explain: (id) => grants.explain(id),
    revoke: async (id, reason) => shown(await grants.revoke(id, { by: `host:${host.operator.user}`, reason })),
  };
}

function servedGrants({ client }: Extract<Host, { kind: 'server' }>): GrantAccess {
  const read = <T>(schema: v.GenericSchema, answer: unknown): T => {
    const { success, output } = v.safeParse(schema, answer);
    if (!success) throw new CliError('the server answered something else than grants; it may be of another version');
    return output as T;
  };
  const pathOf = (id: string): string => `/v1/grants/${encodeURIComponent(id)}`;
  const one = async (id: string): Promise<(ShownGrant & { readonly cedar: string }) | undefined> => {
    const answer = await client.ask('GET', pathOf(id), undefined, [404]);
    return answer === undefined ? undefined : read(grantAnswer, answer);
  };
  return {
    async list({ agent, tool, active }) {
      const given = { agent, tool, ...(active && { active: 'true' }) };
      const query = new URLSearchParams(Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined));
      return read<{ readonly grants: readonly ShownGrant[] }>(grantsAnswer, await client.ask('GET', `/v1/grants?${query.toString()}`))
        .grants;
    },
    get: one,
    explain: async (id) => (await one(id))?.cedar ?? '',
    revoke: async (id, reason) =>
      read(grantAnswer, await client.ask('POST', `${pathOf(id)}/revoke`, reason === undefined ? {} : { reason })),
  };
}
