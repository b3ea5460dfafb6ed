import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Awaitable } from '../../common/awaitable.js';
import { VERSION } from '../../common/version.js';

/** What is counted when it is read, by tenant. */
export interface TenantGauges {
  /** Pending approvals. */
  pending(): Awaitable<ReadonlyMap<string, number>>;
  /** Streams of events. */
  streams(): number;
  /** Halts in force, and requests that were refused because of one. */
  halts(): ReadonlyMap<string, { readonly active: number; readonly refused: number }>;
}

/** Upper ends of the buckets, in seconds. */
const QUICK = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const OF_PEOPLE = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400, 604_800];

/** What the process as a whole has: one for all servers in it, because it is measured by timers and observers. */
let ofProcess: Registry | undefined;

/**
 * The metrics of a server, for Prometheus. Labels are tenants, routes, codes, effects, reasons and limits: never agents, tools or keys, of which there may be any
 * number, and which may be confidential.
 */
export class ServerMetrics {
  readonly #registry: Registry;
  readonly #process: Registry;
  readonly #merge: (registries: Registry[]) => Registry;
  readonly #requests: Counter<'route' | 'code'>;
  readonly #decisions: Counter<'tenant' | 'effect'>;
  readonly #duration: Histogram;
  readonly #wait: Histogram;
  readonly #verdicts: Counter<'tenant' | 'verdict'>;
  readonly #sync: Histogram;
  readonly #shed: Counter<'reason'>;
  readonly #reloads: Counter<'tenant' | 'result'>;
  readonly #limits: Counter<'tenant' | 'policy'>;
  readonly #loaded: Gauge<'tenant'>;
  readonly #storeErrors: Counter;
  readonly #gauges: readonly [pending: Gauge<'tenant'>, streams: Gauge, halts: Gauge<'tenant'>];
  readonly #refused: Counter<'tenant'>;

  private constructor(prom: typeof import('prom-client')) {
    const registry = new prom.Registry();
    const registers = [registry];
    this.#registry = registry;
    if (ofProcess === undefined) {
      ofProcess = new prom.Registry();
      prom.collectDefaultMetrics({ register: ofProcess });
    }
    this.#process = ofProcess;
    this.#merge = (registries) => prom.Registry.merge(registries);
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
      new prom.Counter({ name, help, labelNames: [...labelNames], registers });
    const histogram = (name: string, help: string, buckets: readonly number[]): Histogram =>
      new prom.Histogram({ name, help, buckets: [...buckets], registers });
    const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> =>
      new prom.Gauge({ name, help, labelNames: [...labelNames], registers });
    this.#requests = counter('aegis_http_requests_total', 'Requests answered.', ['route', 'code']);
    this.#decisions = counter('aegis_decisions_total', 'Decisions given.', ['tenant', 'effect']);
    this.#duration = histogram('aegis_decision_duration_seconds', 'From the headers of a request for a decision to its answer.', QUICK);
    this.#wait = histogram('aegis_approval_wait_seconds', 'From opening an approval to its end.', OF_PEOPLE);
    this.#verdicts = counter('aegis_verdicts_total', 'How approvals ended.', ['tenant', 'verdict']);
    this.#sync = histogram('aegis_audit_sync_seconds', 'Recording a group of answers before they are sent.', QUICK);
    this.#shed = counter('aegis_shed_total', 'Requests refused because the server had too much to do.', ['reason']);
    this.#reloads = counter('aegis_policy_reloads_total', 'Reloads of policies.', ['tenant', 'result']);
    this.#limits = counter('aegis_limits_refused_total', 'Calls that a limit denied.', ['tenant', 'policy']);
    this.#loaded = gauge('aegis_policy_last_success_timestamp_seconds', 'When the policies in force were loaded.', ['tenant']);
    this.#storeErrors = counter('aegis_store_errors_total', 'Requests that failed because of the store.', []);
    this.#gauges = [
      gauge('aegis_approvals_pending', 'Approvals that wait for a person.', ['tenant']),
      gauge('aegis_event_streams', 'Streams of events that are open.', []),
      gauge('aegis_halts_active', 'Halts in force.', ['tenant']),
    ];
    this.#refused = counter('aegis_halts_refused_total', 'Decisions and uses of approvals that were refused because of a halt.', [
      'tenant',
    ]);
    gauge('aegis_build_info', 'The version of this server.', ['version']).set({ version: VERSION }, 1);
    // a counter that is not there yet looks to an alert like a server that is gone
    for (const reason of ['tenant', 'server', 'loop']) this.#shed.inc({ reason }, 0);
    this.#storeErrors.inc(0);
  }

  /** Loads the library that keeps them. */
  static async open(): Promise<ServerMetrics> {
    // a CommonJS module: all of it is its default, whether Node or a bundler loads it
    const loaded = (await import('prom-client')) as unknown as { readonly default: typeof import('prom-client') };
    return new ServerMetrics(loaded.default);
  }

  /** A request was answered. */
  answered(route: string | undefined, code: number): void {
    this.#requests.inc({ route: route ?? 'none', code });
  }

  /** A decision was given. */
  decided(tenant: string, effect: string, durationMs: number): void {
    this.#decisions.inc({ tenant, effect });
    this.#duration.observe(durationMs / 1_000);
  }

  /** An approval ended, by a person or otherwise. */
  settled(tenant: string, verdict: string, waitedMs: number): void {
    this.#verdicts.inc({ tenant, verdict });
    this.#wait.observe(Math.max(0, waitedMs) / 1_000);
  }

  /** A group of answers was recorded. */
  recorded(durationMs: number): void {
    this.#sync.observe(durationMs / 1_000);
  }

  /** A request was refused because there was too much to do. */
  shed(reason: string): void {
    this.#shed.inc({ reason });
  }

  /** Policies were reloaded, or could not be. */
  reloaded(tenant: string, result: string): void {
    this.#reloads.inc({ tenant, result });
    if (result === 'applied') this.#loaded.set({ tenant }, Date.now() / 1_000);
  }

  /** A limit is in force, and may have refused nothing yet. */
  limitKnown(tenant: string, policy: string): void {
    this.#limits.inc({ tenant, policy }, 0);
  }

  /** A limit has denied a call. */
  limitRefused(tenant: string, policy: string): void {
    this.#limits.inc({ tenant, policy });
  }

  /** Policies came into force at the start. */
  loaded(tenant: string): void {
    this.#loaded.set({ tenant }, Date.now() / 1_000);
  }

  /** A request failed because of the store. */
  storeFailed(): void {
    this.#storeErrors.inc();
  }

  /** All metrics as text of Prometheus. */
  async text(gauges: TenantGauges): Promise<string> {
    const [pending, streams, halts] = this.#gauges;
    pending.reset();
    this.#refused.reset();
    for (const [tenant, { active, refused }] of gauges.halts()) {
      halts.set({ tenant }, active);
      this.#refused.inc({ tenant }, refused);
    }
    for (const [tenant, count] of await gauges.pending()) pending.set({ tenant }, count);
    streams.set(gauges.streams());
    return this.#merge([this.#registry, this.#process]).metrics();
  }
}
