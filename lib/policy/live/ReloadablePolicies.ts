import { resolve } from 'node:path';
import { inSlices } from '../../common/time/inSlices.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { silentLogger, type Logger } from '../../common/Logger.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { combineJournals, type Journal } from '../../model/Journal.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { AgentConfig } from '../engine/AgentDirectory.js';
import { CedarPolicyEngine, type CedarPolicyEngineOptions } from '../engine/CedarPolicyEngine.js';
import type { PolicyCall, PolicyEngine, PolicyOutcome } from '../PolicyEngine.js';
import { closedError, type PolicySource, type SourceText } from '../PolicySource.js';
import { ObservedCounts, type ObservedCount } from '../staged/ObservedCounts.js';
import type { PromoteOptions, StagedPolicies } from '../staged/StagedPolicies.js';
import type { LoosenedPolicy } from './findLoosened.js';
import type { LoadedSet, PoliciesInForce, PolicyStage, PromoteResult, StageOptions } from './PolicyStage.js';
import type { PolicyWatcher } from './PolicyWatcher.js';
import { pathOf, readingPolicies, readPolicies, sameSources } from './readPolicies.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** Options of {@link ReloadablePolicies}. */
export interface ReloadablePoliciesOptions {
  /** A file, a folder, or `{ text }`. */
  readonly source: PolicySource;
  /** See CedarPolicyEngineOptions. */
  readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
  /** As of the engine. */
  readonly toolset?: string | undefined;
  /** As of the engine. */
  readonly groups?: readonly string[] | undefined;
  /** As of the engine. */
  readonly verify?: number | undefined;
  /** Reloads when the files change. @defaultValue false */
  readonly watch?: boolean | undefined;
  /**
   * A reload that lets more calls run, or more people approve them, waits for `confirm` (`hold`), or comes into force at once (`accept`).
   *
   * @defaultValue `'hold'`
   */
  readonly onLoosened?: 'hold' | 'accept' | undefined;
  /** Called after every reload. An error that it throws is reported, and changes nothing. */
  readonly onReload?: ((result: ReloadResult) => void) | undefined;
  /** Gets a `policies` event for each set that comes into force, the first one too. An error that it throws is reported, and changes nothing. */
  readonly journal?: Journal | undefined;
  /** Takes log lines. Default: none. */
  readonly logger?: Logger | undefined;
}

const RELOADABLE_OPTIONS: OptionKinds<ReloadablePoliciesOptions> = {
  source: 'text|object!',
  agents: 'record',
  toolset: 'string',
  groups: 'strings',
  verify: 'any',
  watch: 'boolean',
  onLoosened: "'hold'|'accept'",
  onReload: 'function',
  journal: 'object|list',
  logger: 'object',
};

/** A reload that waits for a person, because it lets more calls run, or more people approve them. */
export interface PendingReload {
  /** The policy set's hash: what `confirm` takes. */
  readonly hash: string;
  /** Which policies would be looser, and how. */
  readonly loosened: readonly LoosenedPolicy[];
}

/** The result of a reload. A complete policy set is always in force; after `held` and `failed` it is the old one. */
export type ReloadResult =
  | { readonly status: 'unchanged' | 'applied'; readonly hash: string }
  | { readonly status: 'held'; readonly hash: string; readonly loosened: readonly LoosenedPolicy[] }
  | { readonly status: 'failed'; readonly hash: string; readonly error: ConfigError };

/** The policies in force, and their reloads. Read `engine` once per decision: an engine never changes. */
export class ReloadablePolicies {
  readonly #options: ReloadablePoliciesOptions;
  readonly #source: PolicySource;
  readonly #logger: Logger;
  readonly #journal: Journal | undefined;
  #watcher: PolicyWatcher | undefined;
  readonly #closing = new AbortController();
  #inForce: LoadedSet & Pick<PoliciesInForce, 'sinceMs'>;
  #held: (LoadedSet & { readonly reload: PendingReload }) | undefined;
  #stage: PolicyStage | undefined;
  readonly #observed = new ObservedCounts();
  /** What was read last; undefined where it could not be read. The same again is no change. */
  #lastRead: readonly SourceText[] | undefined;
  #lastProblem: string | undefined;
  /** The reload that runs, and the one that comes after it, for which all wait who ask meanwhile. */
  #running: Promise<ReloadResult> | undefined;
  #next: { readonly result: Promise<ReloadResult>; asked: boolean } | undefined;
  #toldOfThread = false;

  /**
   * Reads, parses and checks the policies before it returns.
   *
   * @throws ConfigError that names every problem
   */
  constructor(given: ReloadablePoliciesOptions) {
    const checked = checkedOptions('ReloadablePolicies', given, RELOADABLE_OPTIONS);
    // copied: a later reload reads them again
    const options = {
      ...checked,
      source: frozenData(checked.source),
      agents: frozenData(checked.agents),
      groups: frozenData(checked.groups),
    };
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#journal = combineJournals(options.journal);
    const path = pathOf(options.source);
    // a later chdir() must not exchange the policies
    this.#source = path === undefined ? options.source : resolve(path);
    const sources = readPolicies(this.#source);
    this.#inForce = { engine: CedarPolicyEngine.load({ ...this.#engineOptions(), sources }), sources, sinceMs: Date.now() };
    this.#lastRead = sources;
    this.#journal?.note({ kind: 'policies', hash: this.engine.hash });
    if (options.watch === true && path !== undefined) void this.#watch(resolve(path));
  }

  /** The engine in force: immutable. */
  get engine(): CedarPolicyEngine {
    return this.#inForce.engine;
  }

  /** The hash of the policies in force: `engine.hash`. */
  get hash(): string {
    return this.engine.hash;
  }

  /** Where the policies in force are from, and since when they are in force. */
  get inForce(): PoliciesInForce {
    const { sinceMs, by } = this.#inForce;
    return { hash: this.hash, source: this.#source, sinceMs, by };
  }

  /** The reload that waits for `confirm`; undefined if there is none. */
  get pending(): PendingReload | undefined {
    return this.#held?.reload;
  }

  /**
   * Reads the policies again. Another thread parses them, so that calls go on meanwhile; then they come into force at once. If they cannot be loaded, the
   * last good ones stay in force. Reloads run one after the other.
   *
   * @returns what became of the reload; never rejects
   */
  reload(): Promise<ReloadResult> {
    return this.#enqueue(true);
  }

  /**
   * Puts the held reload in force.
   *
   * @param hash the hash of `pending`, so that exactly the set that was looked at comes into force
   * @returns false if no held reload has this hash
   */
  confirm(hash: string): boolean {
    if (this.#held?.reload.hash !== hash) return false;
    this.#replace(this.#held);
    this.#logger.info({ hash }, 'The held reload was confirmed; its policies are in force.');
    this.#report({ status: 'applied', hash });
    return true;
  }

  /**
   * Tries policies on live calls: each call that the policies in force decide is decided by those too, after it was answered, with the same facts and time.
   * They change no answer. Policies that were staged before are dropped.
   *
   * @returns the staged policies, whose `report()` says what they would have decided otherwise
   * @throws ConfigError for policies that do not load
   */
  async stage(options: StageOptions): Promise<StagedPolicies> {
    return (await this.#useStage()).set(options);
  }

  /** The policies that are staged; undefined if there are none. */
  get staged(): StagedPolicies | undefined {
    return this.#stage?.staged;
  }

  /**
   * Puts the staged policies in force, if they meet the conditions. What lets more calls run than the policies in force, or lets more people approve them, is
   * held until it is confirmed, as in a reload. It holds for this process, until it ends or other policies are read: put the files in their place too.
   *
   * @throws ConfigError for conditions that are not valid
   */
  async promote(options: PromoteOptions): Promise<PromoteResult> {
    return (await this.#useStage()).promote(options);
  }

  /**
   * Drops the staged policies.
   *
   * @param hash the hash of the staged policies
   * @returns false if no staged policies have this hash
   */
  dropStaged(hash: string): boolean {
    return this.#stage?.drop(hash) ?? false;
  }

  /** What policies with `@observe("true")` would have asked about since they were loaded, by tool. */
  observed(): readonly ObservedCount[] {
    return this.#observed.list(this.engine.policies);
  }

  /** Takes note of a call that they decided. */
  decided(call: PolicyCall, outcome: PolicyOutcome, engine: PolicyEngine): void {
    if (outcome.effect !== 'deny' && outcome.observed !== undefined) this.#observed.add(call, outcome.observed);
    this.#stage?.staged?.take(call, outcome, engine.hash);
  }

  /** Stops watching and reloading, and frees the memory that the engine holds in cedar-wasm. */
  close(): void {
    this.#closing.abort();
    this.#watcher?.close();
    this.#dropHeld();
    this.#stage?.close();
    this.engine.release();
  }

  async #watch(path: string): Promise<void> {
    const { PolicyWatcher: Watcher } = await import('./PolicyWatcher.js');
    // the first thing it does is to have the policies read again: a change since the first read is not missed
    if (!this.#closing.signal.aborted) this.#watcher = new Watcher(path, () => void this.#enqueue(false));
  }

  /** @param asked whether someone waits for the result: then it is reported even if nothing changed */
  #enqueue(asked: boolean): Promise<ReloadResult> {
    // one that runs may have read the files before they changed, one that has not begun has not
    if (this.#next === undefined) this.#next = { result: this.#afterRunning(), asked };
    this.#next.asked ||= asked;
    return this.#next.result;
  }

  async #afterRunning(): Promise<ReloadResult> {
    await this.#running;
    const asked = this.#next?.asked === true;
    this.#next = undefined;
    this.#running = this.#reload(asked);
    return this.#running;
  }

  async #reload(asked: boolean): Promise<ReloadResult> {
    const result = await this.#attempt(asked);
    if (this.#closing.signal.aborted) return { status: 'failed', hash: this.hash, error: closedError() };
    if (result === undefined) return { status: 'unchanged', hash: this.hash };
    const { hash, status } = result;
    if (result.status === 'failed')
      this.#logger.error({ hash, problems: result.error.problems }, 'Policies could not be reloaded; the last good ones stay in force.');
    else if (result.status === 'held')
      this.#logger.warn(
        { hash, loosened: result.loosened },
        'A reload would let more run, or more people approve. It waits until it is confirmed.',
      );
    else this.#logger.info({ hash, status }, 'Policies were reloaded.');
    this.#report(result);
    return result;
  }

  /** @returns undefined where nothing changed since the last read, unless someone asked */
  async #attempt(asked: boolean): Promise<ReloadResult | undefined> {
    try {
      const sources = await this.#read();
      if (!asked && this.#lastRead !== undefined && sameSources(sources, this.#lastRead)) return undefined;
      this.#lastRead = sources;
      this.#lastProblem = undefined;
      return await this.#load(sources, !asked);
    } catch (error) {
      return this.#failure(error, asked);
    }
  }

  async #read(): Promise<readonly SourceText[]> {
    try {
      return await inSlices(readingPolicies(this.#source));
    } catch (error) {
      // when the files are back, that is a change, even if they are as they were
      this.#lastRead = undefined;
      throw error;
    }
  }

  #failure(error: unknown, asked: boolean): ReloadResult | undefined {
    const problem =
      error instanceof ConfigError
        ? error
        : new ConfigError([{ where: 'policies', message: 'The policies cannot be loaded; see the cause of this error.' }], {
            cause: error,
          });
    // a folder that is gone is looked for again and again: one report will do
    if (!asked && this.#lastProblem === problem.message) return undefined;
    this.#lastProblem = problem.message;
    return { status: 'failed', hash: this.hash, error: problem };
  }

  async #load(sources: readonly SourceText[], background: boolean): Promise<ReloadResult> {
    if (sameSources(sources, this.#inForce.sources)) return this.#unchanged(sources);
    const engine = await this.#prepare(sources, background);
    for (;;) {
      const before = this.engine;
      const loosened = await this.#loosenedBy(engine);
      // a held set was confirmed meanwhile: that is the one to compare with
      if (before !== this.engine) continue;
      const { hash } = engine;
      if (hash === before.hash) return this.#unchanged(sources);
      if (loosened.length === 0) {
        this.#replace({ engine, sources });
        return { status: 'applied', hash };
      }
      this.#hold({ engine, sources }, loosened);
      return { status: 'held', hash, loosened };
    }
  }

  async #useStage(): Promise<PolicyStage> {
    const { PolicyStage: Stage } = await import('./PolicyStage.js');
    return (this.#stage ??= new Stage({
      engine: () => this.engine,
      prepare: (sources) => this.#prepare(sources, false),
      loosenedBy: (engine) => this.#loosenedBy(engine),
      replace: (set) => this.#replace(set),
      hold: (set, loosened) => this.#hold(set, loosened),
      report: (result) => this.#report(result),
      logger: this.#logger,
    }));
  }

  async #prepare(sources: readonly SourceText[], background: boolean): Promise<CedarPolicyEngine> {
    const { prepareReload } = await import('./prepareReload.js');
    const { signal } = this.#closing;
    const options = { engine: this.#engineOptions(), signal, background, onNoThread: () => this.#tellOfThread() };
    const engine = await prepareReload(sources, options);
    if (!signal.aborted) return engine;
    engine.release();
    throw closedError();
  }

  /** What would be looser than what is in force, and has to be confirmed. */
  async #loosenedBy(engine: CedarPolicyEngine): Promise<readonly LoosenedPolicy[]> {
    const { loosenedBy } = await import('./prepareReload.js');
    const loosened = this.#options.onLoosened === 'accept' ? [] : await loosenedBy(this.engine, engine);
    if (this.#closing.signal.aborted) throw closedError();
    return loosened;
  }

  /** The same policies were read, perhaps in other files: a set that is held is older than they are. */
  #unchanged(sources: readonly SourceText[]): ReloadResult {
    this.#dropHeld();
    this.#inForce = { engine: this.engine, sources, sinceMs: this.#inForce.sinceMs };
    return { status: 'unchanged', hash: this.hash };
  }

  #replace({ engine, sources, by }: LoadedSet): void {
    const before = this.engine;
    this.#inForce = { engine, sources, by, sinceMs: Date.now() };
    if (this.#held?.engine === engine) this.#held = undefined;
    this.#stage?.forget(engine);
    this.#dropHeld();
    before.release();
    this.#journal?.note({ kind: 'policies', hash: engine.hash, previousHash: before.hash, ...(by !== undefined && { by }) });
  }

  #hold(set: LoadedSet, loosened: readonly LoosenedPolicy[]): void {
    this.#dropHeld();
    this.#held = { ...set, reload: { hash: set.engine.hash, loosened } };
  }

  #dropHeld(): void {
    this.#held?.engine.release();
    this.#held = undefined;
  }

  #engineOptions(): Omit<CedarPolicyEngineOptions, 'sources'> {
    const { agents, toolset, groups, verify } = this.#options;
    return { agents, toolset, groups, verify, logger: this.#logger };
  }

  #tellOfThread(): void {
    if (this.#toldOfThread) return;
    this.#toldOfThread = true;
    this.#logger.info(
      {},
      'No thread can be started here, as in a bundle of one file: policies are parsed in slices between other work, which takes longer.',
    );
  }

  #report(result: ReloadResult): void {
    try {
      this.#options.onReload?.(result);
    } catch (error) {
      publishCallbackError('onReload', error);
    }
  }
}
