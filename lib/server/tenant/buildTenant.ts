import type { Logger } from '../../common/Logger.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { SteadyClock } from '../../common/time/SteadyClock.js';
import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { EligibilityRules } from '../../decision/desk/eligibility.js';
import { EmbeddedDecisionService } from '../../decision/embedded/EmbeddedDecisionService.js';
import { Grants } from '../../decision/grant/Grants.js';
import type { FactsHook } from '../../decision/embedded/computeFacts.js';
import type { HaltEvents } from '../../guard/halt/Halts.js';
import { SafeEmitter } from '../../model/SafeEmitter.js';
import type { AutoHaltOptions } from '../../decision/halt/AutoHalt.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { combineJournals } from '../../model/Journal.js';
import type { Journal } from '../../model/Journal.js';
import type { AgentConfig } from '../../policy/engine/AgentDirectory.js';
import { ReloadablePolicies } from '../../policy/live/ReloadablePolicies.js';
import type { ReloadResult } from '../../policy/live/ReloadablePolicies.js';
import type { PolicySource } from '../../policy/PolicySource.js';
import { checkedNotify } from '../notify/NotifyOptions.js';
import type { NotifyOptions } from '../notify/NotifyOptions.js';
import type { Tenant, ToolSettings } from './Tenant.js';
import { checkedIssuer } from './IssuerOptions.js';
import type { IssuerOptions } from './IssuerOptions.js';
import { autoHaltOf, haltsOf, unlessHalted } from './haltsOf.js';
import { TenantLimits } from './TenantLimits.js';
import { knownNames } from '../../decision/halt/unknownInScope.js';
import { toolSettings } from './toolSettings.js';
import { verdictProofs } from './verdictProofs.js';

/** What decides for one tenant. A policy that works in a program works behind the server with the same options. */
export interface TenantOptions extends EligibilityRules {
  /** A `*.cedar` file, a folder of them, or `{ text }`. */
  readonly policies: PolicySource;
  /**
   * Whether to reload policies when their files change.
   *
   * @defaultValue true
   */
  readonly watch?: boolean | undefined;
  /** What happens to a reload that lets more run. @defaultValue `hold` */
  readonly onLoosened?: 'hold' | 'accept' | undefined;
  /** Called after every reload. */
  readonly onReload?: ((result: ReloadResult) => void) | undefined;
  /** Agents with their roles and attributes, by id. Callers cannot claim them. */
  readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
  /** Tools by name, with their groups and the params that may be null. Callers cannot claim them. */
  readonly tools?: Readonly<Record<string, ToolSettings>> | undefined;
  /** The resource of every call. @defaultValue `default` */
  readonly toolset?: string | undefined;
  /** An issuer of identities at which people sign in, beside passkeys. @defaultValue none */
  readonly oidc?: IssuerOptions | undefined;
  /** Computes `context.facts`. */
  readonly facts?: FactsHook | undefined;
  /** How long `facts` may take, in milliseconds. @defaultValue 1,000 */
  readonly factsTimeoutMs?: number | undefined;
  /**
   * Pending approvals that one agent and tool may have at a time; further ones are refused.
   *
   * @defaultValue 1,000
   */
  readonly maxPendingPerTool?: number | undefined;
  /** How long the same call stays refused after a person denied it, in milliseconds. @defaultValue 300,000 */
  readonly denialTtlMs?: number | undefined;
  /** Whether `violations` names the policies. @defaultValue false */
  readonly exposePolicies?: boolean | undefined;
  /**
   * How approvers are told that something waits: webhooks, Slack and mail. It needs the server's `publicUrl`.
   *
   * @defaultValue they are not told
   */
  readonly notify?: NotifyOptions | undefined;
  /**
   * Halts an agent by itself, once policies have refused so many of its calls within some time. Only requests with a key that speaks for one agent are counted: of any
   * other it is not known which agent made them.
   *
   * @defaultValue none: only people halt
   */
  readonly autoHalt?: AutoHaltOptions | undefined;
}

/** What all tenants of a server share. */
export interface TenantParts {
  readonly clock: SteadyClock;
  readonly logger: Logger;
  readonly journal?: Journal | undefined;
}

/** Where a tenant keeps what it keeps. */
export type TenantRows = Pick<Tenant, 'approvals' | 'records' | 'identity'>;

/** The kinds of the options of a tenant. */
export const TENANT_OPTIONS: OptionKinds<TenantOptions> = {
  policies: 'text|object!',
  watch: 'boolean',
  onLoosened: "'hold'|'accept'",
  onReload: 'function',
  agents: 'record',
  tools: 'record',
  toolset: 'string',
  oidc: 'record',
  facts: 'function',
  factsTimeoutMs: 'ms',
  approverGroups: 'record',
  mayApprove: 'function',
  directory: 'object',
  requireRequester: 'boolean',
  requireKnownRequester: 'boolean',
  maxPendingPerTool: 'count',
  denialTtlMs: 'age',
  exposePolicies: 'boolean',
  notify: 'record',
  autoHalt: 'record',
};

/** The tenant of everything that programs keep without a server: its approvals are bound as theirs are. */
const DEFAULT = 'default';

/**
 * Makes one tenant out of its policies and rows.
 *
 * @throws ConfigError naming every problem of its policies, agents and tools
 */
export function buildTenant(id: string, given: TenantOptions, { approvals, records, identity }: TenantRows, parts: TenantParts): Tenant {
  const { clock, logger, journal } = parts;
  const options = checkedOptions(`tenants['${id}']`, given, TENANT_OPTIONS);
  const { agents, toolset, watch = true, onLoosened, onReload } = options;
  const tools = toolSettings(options.tools);
  const issuer = options.oidc && checkedIssuer(`tenants['${id}'].oidc`, options.oidc);
  const groups = [...new Set([...tools.values()].flatMap((tool) => tool.groups))];
  const policies = new ReloadablePolicies({
    source: options.policies,
    agents,
    toolset,
    groups,
    watch,
    onLoosened,
    onReload,
    journal,
    logger,
  });
  const {
    approverGroups,
    mayApprove,
    directory,
    requireRequester,
    requireKnownRequester,
    maxPendingPerTool = 1_000,
    denialTtlMs,
  } = options;
  const rules = { approverGroups, mayApprove, directory, requireRequester, requireKnownRequester };
  const haltRefusals = { count: 0 };
  const haltNews = new SafeEmitter<HaltEvents>();
  // the end of a halt is not brought forward by another machine whose clock is ahead
  const haltClock = new SteadyClock();
  const halts = haltsOf(records, haltClock, haltNews);
  const haltChanges = unlessHalted(halts, tools, haltRefusals);
  const autoHalt = autoHaltOf(`tenants['${id}'].autoHalt`, options.autoHalt, halts, haltClock);
  const deskJournal =
    autoHalt === undefined
      ? journal
      : combineJournals([...(journal === undefined ? [] : [journal]), { note: (event) => autoHalt.noted(event) }]);
  const people = { ...rules, maxPendingPerTool, denialTtlMs, journal: deskJournal, haltChanges };
  const desk = new ApprovalDesk(approvals, id === DEFAULT ? people : { ...people, tenantId: id }, clock);
  desk.usePeople({ directory: identity.directory, proofs: verdictProofs(identity) });
  const { facts, factsTimeoutMs, exposePolicies } = options;
  const grants = new Grants({ desk, records: () => records, now: () => clock.now(), journal });
  const decisions = new EmbeddedDecisionService({ policies, desk, grants, facts, factsTimeoutMs, exposePolicies, logger });
  const notify = options.notify && checkedNotify(`tenants['${id}']: notify`, options.notify);
  const limits = new TenantLimits(desk, policies, () => clock.now());
  return {
    id,
    decisions,
    desk,
    grants,
    approvals,
    records,
    identity,
    halts,
    haltNews,
    haltRefusals,
    limits,
    policies,
    tools,
    known: knownNames(options),
    issuer,
    journal,
    notify,
    autoHalt,
  };
}
