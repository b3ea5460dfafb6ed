import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import { EventHubs } from '../../../lib/server/push/EventHubs.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { eventRoutes } from '../../../lib/server/route/events.js';
import type { TenantOptions } from '../../../lib/server/tenant/buildTenant.js';
import { Tenants } from '../../../lib/server/tenant/Tenants.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import type { ReloadablePolicies } from '../../../lib/policy/live/ReloadablePolicies.js';
import { SecretString } from '../../../lib/common/SecretString.js';
import type { Halt } from '../../../lib/model/halt/Halt.js';
import type { Grants } from '../../../lib/decision/grant/Grants.js';
import type { TenantHalts } from '../../../lib/server/tenant/TenantHalts.js';
import { callerWith, serve } from '../../support/serve.js';

/** What a contract is tried in: programs, and the desk where people decide their approvals. */
export interface ContractWorld {
  /** A program of the agent `bot`, with a module of its own. */
  program(more?: AegisOptions): AegisModule;
  /** Where people decide; of several servers, one that the programs do not talk to. */
  readonly desk: ApprovalDesk;
  /** What people halt, at the same place. */
  readonly halts: Pick<TenantHalts, 'halt' | 'lift' | 'list'>;
  /** What people granted, at the same place. */
  readonly grants: Grants;
  /** How long a grant may be unknown to those that the programs talk to, in milliseconds. */
  readonly grantsKnownMs: number;
  /** Reads the policies again, on every server. */
  reload(): Promise<void>;
  release(): Promise<void>;
}

/** What decides, the same for policies in the program and behind a server. */
export type ContractPolicies = Pick<
  TenantOptions,
  'policies' | 'agents' | 'facts' | 'approverGroups' | 'mayApprove' | 'denialTtlMs' | 'onLoosened'
> & {
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** Pointers of params that may be null, by tool: in the program the schema of the guard says so. */
  readonly nullable?: Readonly<Record<string, readonly string[]>>;
};

/** Makes a world for such policies. */
export type MakeWorld = (options: ContractPolicies) => Promise<ContractWorld>;

/** Polls that would take long: what is on time was pushed. */
export const SLOW_POLLS = { initialDelayMs: 10_000, maxDelayMs: 300_000 };

/** Forty calls at once are answered late where the machine does much else; what a guard does then is not asked here. */
const LONGEST_ANSWER_MS = 30_000;

/** Policies in the program. */
export async function embeddedWorld({ groups: _groups, nullable: _nullable, ...options }: ContractPolicies): Promise<ContractWorld> {
  const module = AegisModule.create({ ...options, agentId: 'bot' });
  await module.ready();
  return {
    program: () => module,
    desk: module.approvals,
    halts: module.halts,
    grants: module.grants,
    grantsKnownMs: 0,
    reload: async () => void (await module.policies.reload()),
    release: () => module.close({ graceMs: 0 }),
  };
}

/** Policies behind servers, one for each handle of a store. */
export function servedWorld(stores: () => Promise<readonly ServerStore[]>): MakeWorld {
  return async ({ groups = {}, nullable = {}, ...options }) => {
    const stateKey = new SecretString('the-state-key-of-the-specs-of-contracts');
    const names = [...new Set([...Object.keys(groups), ...Object.keys(nullable)])];
    const tools = Object.fromEntries(names.map((name) => [name, { groups: groups[name], nullable: nullable[name] }]));
    const servers = await Promise.all(
      (await stores()).map(async (store) => {
        const tenants = new Tenants({ store, stateKey, tenants: { default: { ...options, watch: false, tools } } });
        await tenants.ready();
        const tenant = tenants.get('default');
        const hubs = new EventHubs();
        hubs.of(tenant);
        const routes = [...decisionRoutes(), ...approvalUseRoutes(), ...eventRoutes({ hubs })];
        const callers = { k: callerWith(['decide'], { sessionTrusted: true }) };
        const served = await serve({ routes, callers, tenants: [tenant], onDrain: () => hubs.close() });
        return { tenants, tenant, served };
      }),
    );
    const last = (servers.at(-1) as (typeof servers)[0]).tenant;
    /** The other servers look every half a second, too. */
    const everywhere = async (ordered: Promise<Halt>): Promise<Halt> => {
      const halt = await ordered;
      for (const { tenant } of servers) await tenant.halts.refresh();
      return halt;
    };
    const programs: AegisModule[] = [];
    return {
      program(more = {}) {
        const [first] = servers;
        const aegis = AegisModule.create({
          apiKey: 'k',
          baseUrl: (first as (typeof servers)[0]).served.url,
          agentId: 'bot',
          approvalPolling: SLOW_POLLS,
          timeoutMs: LONGEST_ANSWER_MS,
          ...more,
        });
        programs.push(aegis);
        return aegis;
      },
      desk: last.desk,
      halts: {
        halt: (...order) => everywhere(last.halts.halt(...order)),
        lift: (...order) => everywhere(last.halts.lift(...order)),
        list: (options) => last.halts.list(options),
      },
      grants: last.grants,
      grantsKnownMs: servers.length > 1 ? 600 : 0,
      async reload() {
        for (const { tenant } of servers) await (tenant.policies as ReloadablePolicies).reload();
      },
      async release() {
        for (const program of programs) await program.close({ graceMs: 0 });
        for (const { served, tenants } of servers) {
          await served.close();
          await tenants.close();
        }
      },
    };
  };
}
