import type { Awaitable } from '../../common/awaitable.js';
import { silentLogger } from '../../common/Logger.js';
import type { Logger } from '../../common/Logger.js';
import { isLoopbackHost } from '../../common/transport/loopback.js';
import { monotonicNow } from '../../common/time/SteadyClock.js';
import type { AccessRequest } from '../access/Authenticator.js';
import type { Caller } from '../access/Caller.js';
import { LOAD_LIMITS, LoadGate } from '../front/LoadGate.js';
import type { LoadLimits, LoopDelay, ShedReason } from '../front/LoadGate.js';
import { RateLimiter } from '../front/RateLimiter.js';
import type { Rate } from '../front/RateLimiter.js';
import type { Route } from '../route/Route.js';
import type { Tenant } from '../tenant/Tenant.js';
import { AnswerBatch } from '../dispatch/AnswerBatch.js';
import type { BeforeAnswer } from '../dispatch/AnswerBatch.js';
import { basePath } from './basePath.js';
import { Dispatcher } from '../dispatch/Dispatcher.js';
import type { RequestReport } from '../dispatch/Dispatcher.js';
import { fetchFront } from './fetchFront.js';
import type { FetchHandler } from './fetchFront.js';
import { HttpListener } from './HttpListener.js';
import type { ListenOptions } from './HttpListener.js';
import { nodeFront } from './nodeFront.js';
import type { NodeHandler } from './nodeFront.js';
import { RouteTable } from '../dispatch/RouteTable.js';

/** What a server of routes needs. */
export interface RouteServerOptions {
  readonly routes: readonly Route[];
  /** @throws AuthError */
  authenticate(request: AccessRequest): Awaitable<Caller>;
  /** @throws where there is no such tenant */
  tenantOf(tenantId: string): Awaitable<Tenant>;
  /** @defaultValue the root */
  readonly base?: string | undefined;
  /** Where clients reach the server, such as `https://aegis.example.com`. Its host is then the only one that is served. */
  readonly publicUrl?: URL | undefined;
  /** The address of a client of `fetch`. */
  readonly clientAddress?: ((request: Request) => string | undefined) | undefined;
  readonly beforeAnswer?: BeforeAnswer | undefined;
  readonly logger?: Logger | undefined;
  readonly onAnswer?: ((report: RequestReport) => void) | undefined;
  readonly onShed?: ((reason: ShedReason) => void) | undefined;
  /** Called when it begins to stop: ends the streams. */
  readonly onDrain?: (() => void) | undefined;
  /** @defaultValue 2,000 a second, 4,000 at once */
  readonly rate?: Rate | undefined;
  /** For failed keys, by address. @defaultValue 20 a minute */
  readonly failureRate?: Rate | undefined;
  readonly load?: Partial<LoadLimits> | undefined;
  readonly loopDelay?: LoopDelay | undefined;
  /** Monotonic milliseconds. */
  readonly now?: (() => number) | undefined;
}

const KEY_RATE: Rate = { perSecond: 2_000, burst: 4_000 };
const FAILURE_RATE: Rate = { perSecond: 20 / 60, burst: 20 };
const IDLE_MS = 6_000;
const GRACE_MS = 10_000;

/** Serves a table of routes: mounted in a server of the program (`fetch`, `node`), or with one of its own (`listen`). */
export class RouteServer {
  /** For servers on web standards. */
  readonly fetch: FetchHandler;
  /** For node:http, Express and Fastify. */
  readonly node: NodeHandler;
  readonly #gate: LoadGate;
  readonly #onDrain: (() => void) | undefined;
  readonly #publicHost: string | undefined;
  readonly #listeners: HttpListener[] = [];
  #draining = false;
  #closing: Promise<boolean> | undefined;

  constructor(options: RouteServerOptions) {
    const { logger = silentLogger, now = monotonicNow, onShed = () => {}, onAnswer = () => {}, publicUrl } = options;
    const base = basePath(options.base ?? '');
    this.#onDrain = options.onDrain;
    this.#publicHost = publicUrl?.hostname;
    this.#gate = new LoadGate({ ...LOAD_LIMITS, ...options.load }, now, onShed, options.loopDelay);
    const dispatcher = new Dispatcher({
      table: new RouteTable(options.routes),
      authenticate: (request) => options.authenticate(request),
      tenantOf: (tenantId) => options.tenantOf(tenantId),
      publicUrl,
      servesHost: (host) => this.#servesHost(host),
      gate: this.#gate,
      rates: new RateLimiter(options.rate ?? KEY_RATE, now),
      failures: new RateLimiter(options.failureRate ?? FAILURE_RATE, now),
      batch: new AnswerBatch(options.beforeAnswer, logger),
      logger,
      onAnswer,
    });
    this.fetch = fetchFront({ dispatcher, base, clientAddress: options.clientAddress });
    this.node = nodeFront({ dispatcher, base, isDraining: () => this.#draining });
  }

  /** Whether it is stopping. */
  get isDraining(): boolean {
    return this.#draining;
  }

  /** Whether browsers reach it over this machine's loopback address only, as its public URL or where it listens says. */
  get isOnLoopback(): boolean {
    if (!this.#listeners.every(({ host }) => isLoopbackHost(host))) return false;
    return this.#publicHost === undefined ? this.#listeners.length > 0 : isLoopbackHost(this.#publicHost);
  }

  /** Opens a server of its own. On loopback it serves only requests for a name of this machine, or for the public URL. */
  async listen(options: ListenOptions = {}): Promise<HttpListener> {
    const listener = await HttpListener.open(this.node, options);
    this.#listeners.push(listener);
    return listener;
  }

  /**
   * Stops: streams end, answers ask for new connections elsewhere, requests in flight are answered.
   *
   * @returns whether every request in flight was answered in time
   */
  close({
    idleMs = IDLE_MS,
    graceMs = GRACE_MS,
  }: { readonly idleMs?: number | undefined; readonly graceMs?: number | undefined } = {}): Promise<boolean> {
    this.#closing ??= this.#close(idleMs, graceMs);
    return this.#closing;
  }

  /** A page that has its own name lead to this machine sends that name; it cannot send one of the machine's own. */
  #servesHost(host: string): boolean {
    if (host === this.#publicHost || isLoopbackHost(host)) return true;
    return this.#publicHost === undefined && !this.#listeners.some((listener) => isLoopbackHost(listener.host));
  }

  async #close(idleMs: number, graceMs: number): Promise<boolean> {
    this.#draining = true;
    this.#onDrain?.();
    const done = await Promise.all(this.#listeners.map((listener) => listener.stop({ idleMs, graceMs })));
    this.#gate.close();
    return done.every(Boolean);
  }
}
