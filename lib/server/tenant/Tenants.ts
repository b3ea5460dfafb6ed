import { knownNames } from '../../decision/halt/unknownInScope.js';
import { randomBytes } from 'node:crypto';
import { silentLogger } from '../../common/Logger.js';
import type { Logger } from '../../common/Logger.js';
import { SecretString } from '../../common/SecretString.js';
import { DAY_MS, SteadyClock } from '../../common/time/SteadyClock.js';
import { workUntilDone } from '../../common/time/workUntilDone.js';
import { bindOlderApproval, bindUnsigned } from '../../decision/desk/use/bindOlderApproval.js';
import type { AutoHaltOptions } from '../../decision/halt/AutoHalt.js';
import type { EmbeddedDecisionService } from '../../decision/embedded/EmbeddedDecisionService.js';
import { TaskRegistry } from '../../approval/task/TaskRegistry.js';
import type { AegisModule } from '../../guard/module/AegisModule.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { AuthError } from '../../model/errors/ServiceErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { combineJournals } from '../../model/Journal.js';
import type { Journal } from '../../model/Journal.js';
import type { ApprovalStore } from '../../store/ApprovalStore.js';
import { signedTenantStore } from '../../store/signing/signedTenantStore.js';
import type { ServerStore } from '../../store/StateStore.js';
import { DEFAULT_TENANT } from '../../store/tenant/tenantScope.js';
import { ServerAudit } from '../audit/ServerAudit.js';
import { RequestError } from '../front/RequestError.js';
import { Identity } from '../people/Identity.js';
import { checkedNotify } from '../notify/NotifyOptions.js';
import type { NotifyOptions } from '../notify/NotifyOptions.js';
import { buildTenant } from './buildTenant.js';
import type { TenantOptions, TenantRows } from './buildTenant.js';
import { checkedIssuer } from './IssuerOptions.js';
import type { IssuerOptions } from './IssuerOptions.js';
import { reliableRows } from './reliableRows.js';
import { sweepTenant } from './sweepTenant.js';
import type { Tenant, ToolSettings } from './Tenant.js';
import { autoHaltOf, endHalted, unlessHalted } from './haltsOf.js';
import { ModuleHalts } from './TenantHalts.js';
import { TenantLimits } from './TenantLimits.js';
import { toolSettings } from './toolSettings.js';
import { UnknownOutcomes } from './UnknownOutcomes.js';
import { verdictProofs } from './verdictProofs.js';

/** What all kinds of tenants are kept in. */
interface SharedOptions {
  /** Where approvals, keys and the rest are kept. It is opened by `ready()`, and closed by `close()`. */
  readonly store: ServerStore;
  /**
   * Signs the rows, so that writing the store grants nothing.
   *
   * @defaultValue rows are not signed
   */
  readonly stateKey?: SecretString | undefined;
  /** The state key before: records that it signed are still believed. */
  readonly previousStateKey?: SecretString | undefined;
  /** How long ended approvals are kept, in milliseconds. @defaultValue 90 days */
  readonly historyMs?: number | undefined;
  /** @defaultValue none */
  readonly logger?: Logger | undefined;
  /** Gets an event for everything that is decided by people and every change of policies. @defaultValue none */
  readonly journal?: Journal | undefined;
  /**
   * Whether the server is reached over loopback only, so that it may be in development mode.
   *
   * @defaultValue it is not
   */
  readonly isLoopback?: (() => boolean) | undefined;
  /** @defaultValue a clock of its own */
  readonly clock?: SteadyClock | undefined;
  /**
   * Records what is decided, and every change of who may do what. `false`: nothing is recorded, and no policy may ask for an approval.
   *
   * @defaultValue nothing is recorded
   */
  readonly audit?: ServerAudit | false | undefined;
}

/** The tenants of a server. */
export type TenantsOptions = SharedOptions & {
  /** By id: 1 to 64 letters, digits, `_`, `.` and `-`. */
  readonly tenants: Readonly<Record<string, TenantOptions>>;
};

/** A server for the decisions and approvals of a module of one's own. */
export type ModuleTenantOptions = SharedOptions & {
  /** It needs `policies`. It is not closed with the server. */
  readonly module: AegisModule;
  /** Tools by name. */
  readonly tools?: Readonly<Record<string, ToolSettings>> | undefined;
  /** An issuer of identities at which people sign in, beside passkeys. */
  readonly oidc?: IssuerOptions | undefined;
  /** How approvers are told that something waits. */
  readonly notify?: NotifyOptions | undefined;
  /** When an agent is halted without a person. */
  readonly autoHalt?: AutoHaltOptions | undefined;
};

/** How often each tenant is looked through for approvals whose time has passed, in milliseconds. */
const SWEEP_MS = 5_000;
/** How long its store takes a server for alive that says nothing, in milliseconds. */
const ALIVE_MS = 60_000;

/** The tenants of a server: the only way to what belongs to one of them. */
export class Tenants {
  readonly #tenants = new Map<string, Tenant>();
  readonly #store: ServerStore;
  readonly #signed: boolean;
  readonly #clock: SteadyClock;
  /** Whether the policies of the tenants are this server's to close. */
  readonly #ownsPolicies: boolean;
  #opening: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #leave: (() => unknown) | undefined;
  readonly #leaveNews: (() => void)[] = [];
  #sweeping = false;
  #closed = false;

  /** @throws ConfigError naming every problem of the first tenant that has one */
  constructor(options: TenantsOptions | ModuleTenantOptions) {
    const { store, logger = silentLogger, journal, clock = new SteadyClock() } = options;
    this.#store = store;
    this.#signed = options.stateKey !== undefined;
    this.#clock = clock;
    this.#ownsPolicies = 'tenants' in options;
    if ('tenants' in options) {
      for (const [id, given] of Object.entries(options.tenants))
        this.#tenants.set(id, {
          ...buildTenant(id, given, rowsOf(id, options, clock), { clock, logger, journal: journalOf(id, journal, options.audit) }),
          ...(options.audit instanceof ServerAudit && { audit: options.audit.of(id) }),
          // what programs keep in the store is of the tenant `default`
          ...(id === DEFAULT_TENANT && { unknown: new UnknownOutcomes(new TaskRegistry(store.tasks, {}, clock)) }),
        });
    } else this.#tenants.set(DEFAULT_TENANT, moduleTenant(options, clock));
    if (options.audit === false) for (const tenant of this.#tenants.values()) checkNoApprovals(tenant);
    if (this.#tenants.size === 0)
      throw new ConfigError([{ where: 'tenants', message: 'must name at least one tenant, with its policies.' }]);
  }

  /** All of them. */
  get all(): readonly Tenant[] {
    return [...this.#tenants.values()];
  }

  /**
   * One tenant, by the id in its caller's key.
   *
   * @throws AuthError `invalid_api_key` where this server has no such tenant
   */
  get(id: string): Tenant {
    const tenant = this.#tenants.get(id);
    if (tenant !== undefined) return tenant;
    throw new AuthError('The tenant of this key is not served here.', { code: 'invalid_api_key' });
  }

  /** Opens the store, and learns from then on what other servers change in it. Once, however often it is called. */
  ready(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Stops watching policies and approvals, and closes the store. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    // one that could not be opened has nothing to leave
    await this.#opening?.catch(() => {});
    await this.#leave?.();
    for (const leave of this.#leaveNews) leave();
    for (const { halts } of this.#tenants.values()) halts.close();
    if (this.#ownsPolicies) for (const { policies } of this.#tenants.values()) policies.close();
    await this.#store.close();
  }

  async #open(): Promise<void> {
    await this.#store.open();
    await this.#keepTime();
    await this.#tenants.get(DEFAULT_TENANT)?.approvals.bindOlder?.(this.#signed ? bindOlderApproval : bindUnsigned);
    this.#leave = await this.#store.tasks.watch((change) => {
      if (change.kind === 'approval') this.#onChange(change.decisionId);
      if (change.kind === 'halt') void this.#tenants.get(change.tenantId)?.halts.refresh();
    });
    for (const tenant of this.#tenants.values()) {
      const onHalted = (): void => void this.#endHalted(tenant);
      tenant.haltNews.on('halted', onHalted);
      this.#leaveNews.push(() => tenant.haltNews.off('halted', onHalted));
      await tenant.halts.start();
    }
    if (this.#closed) return;
    this.#timer = setInterval(() => void this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** Another server has changed an approval. Ids are unique across tenants, so that one desk at most finds it. Who waits for it asks no more: it must be read. */
  #onChange(decisionId: string): void {
    const failed = (error: unknown): void => publishCallbackError('reading a changed approval', error);
    for (const { desk } of this.#tenants.values())
      void workUntilDone(() => desk.onChange(decisionId), { failed, isOver: () => this.#closed });
  }

  /** What fails here, the next sweep tries again. */
  async #endHalted(tenant: Tenant): Promise<void> {
    await reported('ending what is halted', async () => endHalted(tenant, this.#clock.now()));
  }

  /**
   * Time that the store has seen does not come again, though the clock of this machine is set back while no server runs: what was over then would be in force
   * anew. A module keeps its own.
   */
  async #keepTime(): Promise<void> {
    if (this.#ownsPolicies) this.#clock.notBefore(await this.#store.tasks.heartbeat(ALIVE_MS, this.#clock.now()));
  }

  /** One at a time, however long it takes. */
  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    for (const tenant of this.#tenants.values()) {
      await this.#endHalted(tenant);
      await reported('ending overdue approvals', async () => sweepTenant(tenant, this.#clock.now()));
    }
    await reported('keeping the time in the store', async () => this.#keepTime());
    this.#sweeping = false;
  }
}

function rowsOf(tenantId: string, options: SharedOptions, clock: SteadyClock): TenantRows {
  const { store, stateKey, previousStateKey, historyMs = 90 * DAY_MS, isLoopback, audit } = options;
  const rows = reliableRows(store.forTenant(tenantId, { forOthers: true, keepMs: historyMs }));
  const signed = stateKey === undefined ? rows : signedTenantStore(rows, { stateKey, previousStateKey, tenantId });
  const { approvals, records } = audit instanceof ServerAudit ? audit.rowsOf(tenantId, rows, signed) : signed;
  // without a key what is given out counts in this process only
  const key = stateKey ?? new SecretString(randomBytes(32).toString('base64url'));
  return {
    approvals: audit === false ? withoutOpenings(approvals) : approvals,
    records,
    identity: new Identity({ tenantId, records, stateKey: key, isLoopback, clock }),
  };
}

function moduleTenant(options: ModuleTenantOptions, clock: SteadyClock): Tenant {
  const { module, tools, oidc, notify } = options;
  // without policies this throws
  const { approvals: desk, policies, grants } = module;
  const decisions = module.decisions as EmbeddedDecisionService;
  const issuer = oidc && checkedIssuer('oidc', oidc);
  const told = notify && checkedNotify('notify', notify);
  const rows = rowsOf(DEFAULT_TENANT, options, clock);
  const unknown = new UnknownOutcomes(module.tasks);
  const audit = options.audit instanceof ServerAudit ? options.audit.of(DEFAULT_TENANT) : undefined;
  if (options.audit instanceof ServerAudit) options.audit.attach(module, DEFAULT_TENANT);
  const toolsByName = toolSettings(tools);
  const haltRefusals = { count: 0 };
  const halts = new ModuleHalts(module);
  const haltChanges = unlessHalted(halts, toolsByName, haltRefusals);
  desk.usePeople({ directory: rows.identity.directory, proofs: verdictProofs(rows.identity), haltChanges });
  return {
    id: DEFAULT_TENANT,
    decisions,
    desk,
    halts,
    haltNews: module.halts,
    haltRefusals,
    limits: new TenantLimits(desk, policies, () => clock.now()),
    grants,
    policies,
    tools: toolsByName,
    known: knownNames({ tools }),
    issuer,
    journal: combineJournals(module.journals),
    notify: told,
    autoHalt: autoHaltOf('autoHalt', options.autoHalt, halts, clock),
    unknown,
    audit,
    ...rows,
  };
}

/** With a log, desks are told that there is a journal: they then say what a record needs to know. */
function journalOf(tenantId: string, journal: Journal | undefined, audit: SharedOptions['audit']): Journal | undefined {
  if (!(audit instanceof ServerAudit)) return journal;
  return combineJournals(journal === undefined ? audit.journalOf(tenantId) : [journal, audit.journalOf(tenantId)]);
}

/** @throws ConfigError where a policy asks for an approval: who approved what must be recorded */
function checkNoApprovals({ id, policies }: Tenant): void {
  const asking = policies.engine.policies.find(({ effect }) => effect === 'approval_needed');
  if (asking === undefined) return;
  const whose = id === DEFAULT_TENANT ? '' : ` of tenant '${id}'`;
  throw new ConfigError([
    {
      where: 'audit',
      message: `cannot be false: policy '${asking.id}'${whose} asks for an approval, and who approved what has to be recorded. Leave it out, or use mode 'best-effort' if calls must not wait for the log.`,
    },
  ]);
}

/** Policies that are reloaded may ask for approvals that the first ones did not ask for. */
function withoutOpenings(approvals: ApprovalStore): ApprovalStore {
  return new Proxy(approvals, {
    get(target, key) {
      if (key !== 'insert') {
        const found: unknown = Reflect.get(target, key);
        return typeof found === 'function' ? (found.bind(target) as unknown) : found;
      }
      return () => {
        throw new RequestError(
          503,
          'audit_unavailable',
          'A policy asks for an approval, but this server has no audit log to record it in. Its operator has to start it without `audit: false`.',
        );
      };
    },
  });
}

async function reported(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    publishCallbackError(what, error);
  }
}
