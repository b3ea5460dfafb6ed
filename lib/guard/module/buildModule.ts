import { ConsoleLogger, silentLogger } from '../../common/Logger.js';
import { DAY_MS, SteadyClock } from '../../common/time/SteadyClock.js';
import { ApprovalScheduler } from '../../approval/ApprovalScheduler.js';
import type { ApprovalPolling } from '../../approval/ApprovalSchedulerOptions.js';
import { OutcomeReports } from '../../approval/task/OutcomeReports.js';
import { TaskRegistry } from '../../approval/task/TaskRegistry.js';
import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { DecisionService } from '../../decision/DecisionService.js';
import { EmbeddedDecisionService } from '../../decision/embedded/EmbeddedDecisionService.js';
import { Grants } from '../../decision/grant/Grants.js';
import { RemoteDecisionService } from '../../decision/remote/RemoteDecisionService.js';
import { got } from '../../common/readOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { Logger } from '../../common/Logger.js';
import { combineJournals } from '../../model/Journal.js';
import { LazyPart } from '../../model/LazyPart.js';
import type { Journal } from '../../model/Journal.js';
import { DEFAULT_LIMITS } from '../../model/snapshot/takeSnapshot.js';
import { ReloadablePolicies } from '../../policy/live/ReloadablePolicies.js';
import type { AutoHaltOptions } from '../../decision/halt/AutoHalt.js';
import type { HaltBook } from '../../decision/halt/HaltBook.js';
import { autoHaltJournal } from './autoHaltJournal.js';
import { HaltedCalls } from '../halt/HaltedCalls.js';
import { Halts } from '../halt/Halts.js';
import { UnreadHalts } from '../halt/UnreadHalts.js';
import { writablePolicies } from '../../policy/live/writablePolicies.js';
import type { ApprovalStore } from '../../store/ApprovalStore.js';
import type { EventOutbox, KeepingJournal, OutboxPlace } from '../../store/record/EventOutbox.js';
import { SignedApprovalStore } from '../../store/SignedApprovalStore.js';
import type { AegisOptions } from './AegisOptions.js';
import { enableAsyncLocal } from '../call/callContext.js';
import { checkSource } from './checkSource.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import { StoreKeeper } from './StoreKeeper.js';
import { grantRecords } from './grantRecords.js';
import { storesOf } from './stores.js';
import type { ModuleStores } from './stores.js';

/** The polling of the Python SDK. */
export const DEFAULT_POLLING: ApprovalPolling = {
  enabled: true,
  initialDelayMs: 2_000,
  maxDelayMs: 60_000,
  maxAttempts: 50,
  jitterRatio: 0.1,
};

/** What halts agents by itself. @throws ConfigError where that is not possible */
function autoHaltOf(
  { autoHalt, policies }: AegisOptions,
  { tasks, records }: ModuleStores,
  halts: () => Promise<HaltBook>,
  clock: SteadyClock,
): readonly Journal[] {
  if (autoHalt === undefined) return [];
  const cannot = (message: string): ConfigError => new ConfigError([{ where: 'autoHalt', message }]);
  // read once
  const { after, withinMs, forMs, pending } = autoHalt as Partial<AutoHaltOptions>;
  if (after === undefined || withinMs === undefined)
    throw cannot('must have `after` and `withinMs`: how many refusals, and within what time.');
  if (policies === undefined) throw cannot('needs `policies`: where a service decides, it is an option of that service.');
  if (tasks.durable && records === undefined)
    throw cannot(
      'needs a place for halts, and the `store` keeps tasks but no records; use a store with `forTenant`, such as sqliteStore().',
    );
  enableAsyncLocal();
  return [autoHaltJournal({ after, withinMs, forMs, pending }, halts, () => clock.now())];
}

/** What is needed by a durable store once in its life. */
const older = new LazyPart(() => import('../../decision/desk/use/bindOlderApproval.js'));

/** The parts of a module. */
export interface ModuleParts {
  readonly runtime: GuardRuntime;
  /** Only with policies. */
  readonly desk: ApprovalDesk | undefined;
  /** Only with policies. */
  readonly policies: ReloadablePolicies | undefined;
  /** What it was given to tell. */
  readonly journals: readonly Journal[];
  /** Only with policies. */
  readonly grants: Grants | undefined;
  readonly halts: Halts;
  /** Only with a durable store. */
  readonly keeper: StoreKeeper | undefined;
  /** Called by `close()`, in this order. */
  readonly closing: readonly ((options: { readonly graceMs?: number | undefined }) => Awaitable<void>)[];
}

/** Builds a module from options that have been checked. @throws ConfigError */
export function buildModule(options: AegisOptions): ModuleParts {
  checkSource(options);
  const logger = options.logger ?? (options.debug === true ? new ConsoleLogger(options.logLevel ?? 'debug') : silentLogger);
  const journals = [options.journal ?? []].flat() as readonly Journal[];
  const clock = new SteadyClock();
  const stores = storesOf(options);
  const journal = combineJournals([...journals, ...autoHaltOf(options, stores, () => halts.start(), clock)]);
  const outbox = outboxOf(options.journal, stores.outbox);
  const { desk, policies, grants, decisions } = decisionSource(options, stores, { logger, clock, journal, outbox });
  const registry = new TaskRegistry(stores.tasks, options.tasks, clock);
  registry.withdrawWith(({ decisionId, offers }) => decisions.withdraw?.(decisionId, { offers }));
  const reports = new OutcomeReports(decisions);
  registry.onRunEnded((task) => reports.report(task));
  registry.noteTo(journal);
  const polling = { ...DEFAULT_POLLING, ...defined(options.approvalPolling) };
  const { leaseMs } = options.recovery ?? {};
  const haltedCalls = new HaltedCalls();
  const parts = { halts: haltedCalls, decisions, registry, polling, keepAlive: options.keepAlive, leaseMs, clock, logger, journal };
  const scheduler: unknown = options.scheduler?.(parts) ?? new ApprovalScheduler(parts);
  if (!(scheduler instanceof ApprovalScheduler)) {
    const message = `must return an ApprovalScheduler, at once (got ${got(scheduler)}); return an instance of a class that extends it.`;
    throw new ConfigError([{ where: 'scheduler', message }]);
  }
  if (options.sessions === 'async-local') enableAsyncLocal();
  const runtime: GuardRuntime = {
    decisions,
    tasks: registry,
    scheduler,
    openByGuard: scheduler.duplicates.openByGuard,
    durable: registry.durable,
    journal,
    halts: haltedCalls,
    steps: [],
    limits: { ...DEFAULT_LIMITS, ...defined(options.limits) },
    agentId: options.agentId,
    approvalTimeoutMs: options.approvalTimeoutMs ?? DAY_MS,
    asyncLocal: options.sessions === 'async-local',
    onUnguardedOverride: options.onUnguardedOverride ?? 'throw',
    logger,
    debug: options.debug === true,
    opening: undefined,
    closed: false,
  };
  const halts = new Halts({
    ready: () => runtime.opening,
    open: async (self) => {
      const { openHalts } = await import('./openHalts.js');
      return openHalts(self, { options, records: stores.records?.(), runtime, clock });
    },
    executing: ({ agentId, toolName }) => stores.tasks.listSummaries({ status: 'executing', agentId, toolName, limit: Infinity }),
  });
  const keeper = registry.durable ? new StoreKeeper(options, runtime, desk, polling.maxDelayMs, () => halts.refresh()) : undefined;
  runtime.opening = open(runtime, [
    () => stores.tasks.open?.(),
    () => stores.approvals.open?.(),
    () => bindOlder(stores.approvals),
    () => startHalts(halts, options, stores, runtime),
    () => outbox?.open(),
    () => decisions.ready?.(),
    () => keeper?.start(),
  ]);
  const detach = desk === undefined ? undefined : options.approver?.attach(desk);
  const closing = [
    () => detach?.(),
    () => halts.close(),
    () => keeper?.rest(),
    (close: { readonly graceMs?: number | undefined }) => scheduler.shutdown(close),
    () => keeper?.stop(),
    () => reports.close(),
    () => decisions.close?.(),
    () => outbox?.close(),
    () => stores.approvals.close?.(),
    () => registry.closeStore(),
  ];
  return { runtime, desk, policies, journals, grants, keeper, halts, closing };
}

interface Source {
  readonly decisions: DecisionService;
  readonly desk: ApprovalDesk | undefined;
  readonly policies: ReloadablePolicies | undefined;
  readonly grants: Grants | undefined;
}

/** What all parts of a module share. */
interface Shared {
  readonly logger: Logger;
  readonly clock: SteadyClock;
  readonly journal: Journal | undefined;
  readonly outbox: EventOutbox | undefined;
}

function decisionSource(options: AegisOptions, stores: ModuleStores, { logger, clock, journal, outbox }: Shared): Source {
  if (options.decisions !== undefined) return { decisions: options.decisions, ...NO_DESK };
  if (options.policies === undefined) {
    const { apiKey = '', baseUrl, timeoutMs, retries, userAgent, allowInsecureHttp, dataPlane } = options;
    const remote = { apiKey, baseUrl, timeoutMs, retries, userAgent, allowInsecureHttp, dataPlane, logger };
    const decisions = new RemoteDecisionService(remote);
    return { decisions, ...NO_DESK };
  }
  const { verify, agents, toolset, watch, onLoosened, onReload } = options;
  const loaded = { source: options.policies, verify, agents, toolset, watch, onLoosened, onReload, logger, journal };
  const policies = new ReloadablePolicies(loaded);
  const writable = writablePolicies(options.policies);
  if (writable.length > 0) {
    logger.warn(
      { paths: writable },
      'the user that runs this process can write its policies, so code that controls the agent can change what the agent may do; let another user own them',
    );
  }
  const { approverGroups, mayApprove, directory, requireRequester, requireKnownRequester, maxPendingPerTool, denialTtlMs } = options;
  const rules = { approverGroups, mayApprove, directory, requireRequester, requireKnownRequester };
  const people = { ...rules, maxPendingPerTool, denialTtlMs, journal, outbox };
  const desk = new ApprovalDesk(stores.approvals, people, clock);
  const grants = new Grants({ desk, records: grantRecords(options, stores), now: () => clock.now(), journal });
  const { facts, factsTimeoutMs, unattended, exposePolicies, counters } = options;
  // a logger gets the same for each call
  const tellDeveloper = logger === silentLogger && process.env['NODE_ENV'] !== 'production' ? tellOnStderr : undefined;
  const embedded = { policies, desk, grants, facts, factsTimeoutMs, unattended, exposePolicies, counters, logger, tellDeveloper };
  const decisions = new EmbeddedDecisionService(embedded);
  return { decisions, desk, policies, grants };
}

const NO_DESK = { desk: undefined, policies: undefined, grants: undefined } as const;

function tellOnStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The outbox of the first journal that keeps one. */
function outboxOf(journals: AegisOptions['journal'] = [], place: OutboxPlace | undefined): EventOutbox | undefined {
  if (place === undefined) return undefined;
  const keeping = [journals]
    .flat()
    .find((journal): journal is KeepingJournal => (journal as Partial<KeepingJournal>).outboxIn !== undefined);
  return keeping?.outboxIn(place);
}

/** Binds what an older version has left in a store; no store in memory has any of that. */
function bindOlder(approvals: ApprovalStore): Awaitable<void> {
  const signs = approvals instanceof SignedApprovalStore;
  if ((signs ? approvals.inner : approvals).bindOlder === undefined) return undefined;
  return chain(older.get(), ({ bindOlderApproval, bindUnsigned }) => approvals.bindOlder?.(signs ? bindOlderApproval : bindUnsigned));
}

/** Reads what is halted. Calls wait for it, but not where no halt was ever ordered in a store in memory. */
function startHalts(halts: Halts, { haltFile }: AegisOptions, { records }: ModuleStores, runtime: GuardRuntime): Awaitable<void> {
  if (haltFile !== undefined || (records !== undefined && runtime.durable)) return halts.start().then(() => undefined);
  if (records === undefined) return undefined;
  const kept = records();
  const count = (): number => kept.haltChanges?.() as number;
  if (count() !== 0) return halts.start().then(() => undefined);
  runtime.halts.gate = new UnreadHalts(count, () => halts.start());
  // it may be closed before it is open
  halts.start().catch(() => {});
}

/** Opens stores and services. @returns `undefined` where nothing has to be opened, so that calls need not wait */
function open(runtime: GuardRuntime, steps: readonly (() => Awaitable<void>)[]): Awaitable<void> {
  const opened = steps.reduce<Awaitable<void>>((before, step) => chain(before, step), undefined);
  if (opened === undefined) return undefined;
  const opening = Promise.resolve(opened).then(() => {
    runtime.opening = undefined;
  });
  // calls and ready() report the failure; it must not end the process before they do
  opening.catch(() => {});
  return opening;
}

/** Leaves out keys that are undefined: in a spread they would replace the default. */
function defined<T extends object>(options: T | undefined): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
