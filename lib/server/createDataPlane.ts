import { waitForAll } from '../common/awaitable.js';
import { silentLogger } from '../common/Logger.js';
import type { Logger } from '../common/Logger.js';
import { SteadyClock } from '../common/time/SteadyClock.js';
import { isLoopbackHost } from '../common/transport/loopback.js';
import { osUser } from '../decision/terminal/osUser.js';
import { CAPABILITIES } from '../model/Capability.js';
import { publishCallbackError } from '../model/diagnostics.js';
import type { AegisModule } from '../guard/module/AegisModule.js';
import { checkedOptions } from '../model/checkedOptions.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import type { ReloadResult } from '../policy/live/ReloadablePolicies.js';
import type { ServerStore } from '../store/StateStore.js';
import { DEFAULT_TENANT } from '../store/tenant/tenantScope.js';
import { hostCaller } from './access/HostSignature.js';
import type { KeyRequest } from './access/KeyRequest.js';
import type { IssuedKey } from './access/KeyRing.js';
import { serverAccess } from './access/serverAccess.js';
import type { ServerAccess } from './access/serverAccess.js';
import { checkedDataPlane } from './checkedDataPlane.js';
import type { CheckedDataPlane } from './checkedDataPlane.js';
import type { BeforeAnswer } from './dispatch/AnswerBatch.js';
import type { DataPlaneOptions } from './DataPlaneOptions.js';
import { namesOf } from './front/namesOf.js';
import { RequestError } from './front/RequestError.js';
import { ServerAudit } from './audit/ServerAudit.js';
import { Meters } from './Meters.js';
import { notifiersOf } from './notify/notifiersOf.js';
import type { ApprovalWatch } from './notify/notifiersOf.js';
import { EventHubs } from './push/EventHubs.js';
import { allRoutes } from './allRoutes.js';
import type { CallerInput } from './route/Route.js';
import type { FetchHandler } from './serve/fetchFront.js';
import type { ListenOptions } from './serve/HttpListener.js';
import type { NodeHandler } from './serve/nodeFront.js';
import { RouteServer } from './serve/RouteServer.js';
import type { TenantIssuer } from './signin/issuerRoutes.js';
import { IssuerSignIn } from './signin/IssuerSignIn.js';
import { Doorway } from './signin/Doorway.js';
import type { Tenant } from './tenant/Tenant.js';
import { Tenants } from './tenant/Tenants.js';
import type { ModuleTenantOptions, TenantsOptions } from './tenant/Tenants.js';

/** How long a Data Plane takes to stop. */
export interface CloseOptions {
  /**
   * How long idle connections stay open, in milliseconds: longer than the pools of clients keep theirs, so that no request on its way is cut.
   *
   * @defaultValue 6,000
   */
  readonly idleMs?: number | undefined;
  /**
   * How long requests in flight are waited for, in milliseconds.
   *
   * @defaultValue 10,000
   */
  readonly graceMs?: number | undefined;
}

/** Where a Data Plane listens. */
export interface ListeningAt {
  /** Such as `http://127.0.0.1:4180`. */
  readonly url: string;
  /** The host of the URL. */
  readonly host: string;
  /** The port, also where 0 was asked for. */
  readonly port: number;
}

/** The link by which the first person of a tenant comes. */
export interface SetupLink {
  /** With the secret behind the `#`, where it reaches no log of a server or proxy. */
  readonly url: URL;
  /** When it stops working: 15 minutes after it was made. */
  readonly expiresAt: Date;
}

/** A Data Plane: it decides calls and keeps approvals for many programs, over HTTP. */
export interface DataPlane {
  /** Answers a request in a server on web standards, such as Hono or Next. */
  readonly fetch: FetchHandler;
  /** Answers a request in node:http, Express or Fastify. Mount it before anything that reads bodies. */
  readonly node: NodeHandler;
  /**
   * Opens the store. Requests wait for it by themselves.
   *
   * @throws ConfigError, StoreError where the store cannot be used
   */
  ready(): Promise<void>;
  /**
   * Opens an HTTP server of its own, with limits on sizes and times.
   *
   * @throws ConfigError where the address cannot be listened at, or certificate and key cannot be used
   */
  listen(options?: ListenOptions): Promise<ListeningAt>;
  /**
   * Makes a key for programs, as the operator of the host. The key is shown this once.
   *
   * @param tenantId the tenant that it is for; `default` where there is one
   * @throws BadRequestError naming what is wrong with the request
   * @throws NotFoundError where there is no such tenant
   */
  createKey(request: KeyRequest, tenantId?: string): Promise<IssuedKey>;
  /**
   * Makes the link by which the first person of a tenant comes, while no one is known. It works once, for 15 minutes; the one before stops working.
   *
   * @param tenantId the tenant; `default` where there is one
   * @returns `undefined` once someone is known
   * @throws ConfigError where the server does not listen and has no `publicUrl`
   * @throws NotFoundError where there is no such tenant
   */
  createSetupLink(tenantId?: string): Promise<SetupLink | undefined>;
  /**
   * Stops: `/readyz` says so, streams of events end, requests in flight are answered, and the store is closed.
   *
   * @returns whether every request in flight was answered in time
   */
  close(options?: CloseOptions): Promise<boolean>;
}

/**
 * Makes a Data Plane, to be mounted in a server of the program (`fetch`, `node`) or with one of its own (`listen`).
 *
 * @throws ConfigError naming every problem and its fix
 * @example
 * const plane = createDataPlane({ policies: './policies', store: sqliteStore('aegis.db'), stateKey: process.env.AEGIS_STATE_KEY });
 * await plane.listen({ port: 4180 });
 */
export function createDataPlane(given: DataPlaneOptions): DataPlane {
  return new ServingDataPlane(checkedDataPlane(given));
}

/** How old what is known of the key of a stream may be at a heartbeat, in milliseconds: with the time to the next one, a key that was revoked is noticed in 30 s. */
const STREAM_KEY_MS = 15_000;

class ServingDataPlane implements DataPlane {
  readonly fetch: FetchHandler;
  readonly node: NodeHandler;
  readonly #server: RouteServer;
  readonly #tenants: Tenants;
  readonly #access: ServerAccess;
  readonly #doorway: Doorway;
  readonly #basePath: string;
  readonly #publicUrl: URL | undefined;
  readonly #audit: ServerAudit | undefined;
  readonly #meters: Meters = new Meters();
  readonly #hubs: EventHubs = new EventHubs();
  readonly #logger: Logger;
  readonly #notifiers: readonly ApprovalWatch[];
  /** Why it is not ready: it is opening, or could not be opened. */
  #notOpen: string | undefined = 'it is starting';
  #opening: Promise<void> | undefined;
  /** Where its own server listens, once there is one. */
  #listeningUrl: string | undefined;

  constructor(options: CheckedDataPlane) {
    const { stateKey, clientAddress, publicUrl, logger = silentLogger } = options;
    const clock = new SteadyClock();
    this.#logger = logger;
    this.#basePath = options.basePath;
    this.#publicUrl = publicUrl;
    const { audit: log, store, previousStateKey, historyMs } = options;
    const now = (): number => clock.now();
    const openServer = 'module' in options.whose ? () => this.ready() : undefined;
    this.#audit = log ? new ServerAudit({ log, store, stateKey, previousStateKey, now, historyMs, logger, openServer }) : undefined;
    this.#tenants = new Tenants({
      ...tenantsOf(options, clock, this.#meters, () => this.#server.isOnLoopback),
      audit: log === false ? false : this.#audit,
    });
    this.#access = serverAccess({ stateKey, clock, tenants: this.#tenants.all });
    const { authenticator } = this.#access;
    this.#doorway = new Doorway(this.#tenants.all.map(({ identity }) => identity));
    const issuers = issuersOf(this.#tenants.all);
    this.#notifiers = notifiersOf(this.#tenants.all, { pages: pagesAt(publicUrl, options.basePath), logger, now: () => clock.now() });
    this.#server = new RouteServer({
      base: options.basePath,
      publicUrl,
      clientAddress,
      logger,
      beforeAnswer: this.#meters.recording(recordingOf(options.beforeAnswer, this.#audit)),
      onAnswer: (report) => this.#meters.answered(report),
      onShed: (reason) => this.#meters.shed(reason),
      onDrain: () => this.#hubs.close(),
      tenantOf: (id) => this.#tenants.get(id),
      authenticate: (request) =>
        this.#notOpen === undefined ? authenticator.authenticate(request) : this.#opened().then(() => authenticator.authenticate(request)),
      routes: allRoutes({
        clock,
        capabilities: CAPABILITIES,
        hubs: this.#hubs,
        mayListen: async (input) => this.#isStillGood(input),
        doorway: this.#doorway,
        issuerOf: (tenantId) => issuers.get(tenantId),
        ringOf: (tenantId) => this.#access.ringOf(tenantId),
        notReady: () => this.#notReady(),
        metrics: () => this.#meters.metrics,
        gauges: {
          pending: () => this.#meters.pending(this.#tenants.all),
          streams: () => this.#hubs.listeners,
          halts: () => haltsIn(this.#tenants.all),
        },
      }),
    });
    this.fetch = this.#server.fetch;
    this.node = this.#server.node;
  }

  ready(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async listen(options?: ListenOptions): Promise<ListeningAt> {
    const { url, host, port } = await this.#server.listen(options);
    this.#listeningUrl = url;
    // opened early; who asks before that waits
    this.ready().catch(() => {});
    return { url, host, port };
  }

  async createKey(request: KeyRequest, tenantId: string = DEFAULT_TENANT): Promise<IssuedKey> {
    await this.ready();
    return this.#access.ringOf(tenantId).create(request, hostCaller({ user: osUser(), tenantId }));
  }

  async createSetupLink(tenantId: string = DEFAULT_TENANT): Promise<SetupLink | undefined> {
    await this.ready();
    const url = this.#pageUrl('/bootstrap');
    if (this.#doorway.hasSeveral) url.searchParams.set('tenant', tenantId);
    const link = await this.#doorway.identityFor(tenantId).setup.begin(`host:${osUser()}`);
    if (link === undefined) return undefined;
    url.hash = link.text.reveal();
    return { url, expiresAt: new Date(link.expiresAtMs) };
  }

  async close(options: CloseOptions = {}): Promise<boolean> {
    const { idleMs, graceMs } = checkedOptions('close()', options, { idleMs: 'age', graceMs: 'age' });
    const done = await this.#server.close({ idleMs, graceMs });
    await Promise.all(this.#notifiers.map(async (notifier) => notifier.close()));
    await this.#audit?.close();
    await this.#tenants.close();
    return done;
  }

  async #open(): Promise<void> {
    try {
      await this.#tenants.ready();
      await this.#audit?.open(new Map(this.#tenants.all.map(({ id, policies }) => [id, policies.hash])), (tenantId, decisionId) =>
        this.#tellLate(tenantId, decisionId),
      );
      await this.#meters.open(this.#tenants.all);
      // listens to the desks from now on, not from the first stream on
      for (const tenant of this.#tenants.all) this.#hubs.of(tenant);
      for (const notifier of this.#notifiers) await notifier.start();
      this.#notOpen = undefined;
    } catch (error) {
      this.#notOpen = 'its store could not be opened';
      this.#logger.error(namesOf(error), 'The Data Plane could not be opened.');
      throw error;
    }
  }

  /** Tells of a change that could not be told when it was made. */
  #tellLate(tenantId: string, decisionId: string): void {
    const tell = async (): Promise<void> => this.#tenants.get(tenantId).desk.onChange(decisionId);
    tell().catch((error: unknown) => publishCallbackError('telling of a late change', error));
  }

  /** @throws RequestError 503 `not_ready` where it could not be opened */
  async #opened(): Promise<void> {
    try {
      await this.ready();
    } catch (error) {
      throw new RequestError(503, 'not_ready', 'The server could not open its store. Its operator finds the reason in its log.', {
        cause: error,
      });
    }
  }

  /** Where browsers find a page. Passkeys are made for a name, so that this machine is called by its own. */
  #pageUrl(path: string): URL {
    if (this.#publicUrl !== undefined) {
      const base = this.#publicUrl.pathname.replace(/\/+$/, '');
      return new URL(`${base === '' ? this.#basePath : base}${path}`, this.#publicUrl);
    }
    if (this.#listeningUrl === undefined)
      throw new ConfigError([
        { where: 'publicUrl', message: 'is missing: without it, a server that does not listen has no address for links.' },
      ]);
    const url = new URL(`${this.#basePath}${path}`, this.#listeningUrl);
    if (isLoopbackHost(url.hostname)) url.hostname = 'localhost';
    return url;
  }

  async #notReady(): Promise<string | undefined> {
    if (this.#server.isDraining) return 'draining';
    if (this.#notOpen !== undefined) return this.#notOpen;
    if (this.#meters.isRecordingFailing || this.#audit?.status().state === 'failed') return 'its answers cannot be recorded';
    try {
      for (const { records } of this.#tenants.all) await records.get('probe', 'probe');
      return undefined;
    } catch {
      return 'its store cannot be used';
    }
  }

  /** Whether a key or a session still opens what it opened when its stream began. */
  async #isStillGood(input: CallerInput): Promise<boolean> {
    const { caller, headers } = input;
    const request = {
      headers,
      address: undefined,
      method: 'GET',
      path: '',
      body: () => '',
      site: () => input.site,
      maxAgeMs: STREAM_KEY_MS,
    };
    const now = await this.#access.authenticator.authenticate(request);
    if (now.kind !== caller.kind || now.id !== caller.id) return false;
    return caller.kind === 'person' || (now.scopes.has('decide') && sameAgents(now.agents, caller.agents));
  }
}

/** Where the pages are, for links in notices: a URL with a path already has that of a proxy before the server. */
function pagesAt(publicUrl: URL | undefined, basePath: string): string {
  const path = publicUrl?.pathname.replace(/\/$/, '') ?? '';
  return `${publicUrl?.origin ?? ''}${path === '' ? basePath : path}`;
}

function haltsIn(tenants: readonly Tenant[]): ReadonlyMap<string, { readonly active: number; readonly refused: number }> {
  return new Map(tenants.map(({ id, halts, haltRefusals }) => [id, { active: halts.inForce.length, refused: haltRefusals.count }]));
}

/** Both are asked before an answer leaves. */
function recordingOf(beforeAnswer: BeforeAnswer | undefined, audit: ServerAudit | undefined): BeforeAnswer | undefined {
  if (audit === undefined) return beforeAnswer;
  return (batch) => waitForAll([beforeAnswer?.(batch), audit.flush()]);
}

function sameAgents(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function issuersOf(tenants: readonly Tenant[]): ReadonlyMap<string, TenantIssuer> {
  return new Map(
    tenants.flatMap(({ id, issuer }) => {
      if (issuer === undefined) return [];
      const signIn = new IssuerSignIn(issuer);
      return [[id, { name: signIn.name, signIn, roles: issuer.roles ?? ['viewer'] }]];
    }),
  );
}

function tenantsOf(
  { whose, ...options }: CheckedDataPlane,
  clock: SteadyClock,
  meters: Meters,
  isLoopback: () => boolean,
): TenantsOptions | ModuleTenantOptions {
  const { stateKey, previousStateKey, historyMs, logger, journal } = options;
  const shared = { stateKey, previousStateKey, historyMs, logger, journal, clock, isLoopback };
  if ('module' in whose) return { ...shared, ...whose, store: storeOfModule(options.store, whose.module) };
  const tenants = Object.entries(whose.tenants).map(([id, tenant]) => {
    const onReload = (result: ReloadResult): void => {
      meters.reloaded(id, result);
      tenant.onReload?.(result);
    };
    return [id, { ...tenant, onReload }] as const;
  });
  return { ...shared, store: options.store, tenants: Object.fromEntries(tenants) };
}

/** The module opens and closes its own store. */
function storeOfModule(store: ServerStore, module: AegisModule): ServerStore {
  return {
    tasks: store.tasks,
    approvals: store.approvals,
    open: () => module.ready(),
    close: () => {},
    forTenant: (tenantId, options) => store.forTenant(tenantId, options),
  };
}
