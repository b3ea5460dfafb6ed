import { isThenable } from '../../common/awaitable.js';
import { resolve } from 'node:path';
import { LazyPart } from '../../model/LazyPart.js';
import { silentLogger, type Logger } from '../../common/Logger.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { combineJournals, type Journal } from '../../model/Journal.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { AgentConfig } from '../engine/AgentDirectory.js';
import { CedarPolicyEngine, type CedarPolicyEngineOptions } from '../engine/CedarPolicyEngine.js';
import type { PolicySource } from '../PolicySource.js';
import type { HeldPolicies, Loaded, PendingReload, PolicyReloads, ReloadResult } from './PolicyReloads.js';
import type { PolicyWatcher } from './PolicyWatcher.js';
import { pathOf, readPolicies } from './readPolicies.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

export type { PendingReload, ReloadResult } from './PolicyReloads.js';

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
  agents: 'object',
  toolset: 'string',
  groups: 'strings',
  verify: 'any',
  watch: 'boolean',
  onLoosened: "'hold'|'accept'",
  onReload: 'function',
  journal: 'object|list',
  logger: 'object',
};

/** The policies in force, and their reloads. Read `engine` once per decision: an engine never changes. */
export class ReloadablePolicies {
  readonly #options: ReloadablePoliciesOptions;
  readonly #source: PolicySource;
  readonly #logger: Logger;
  readonly #journal: Journal | undefined;
  #watcher: PolicyWatcher | undefined;
  readonly #closing = new AbortController();
  #inForce: Loaded;
  #held: HeldPolicies | undefined;
  readonly #reloads: LazyPart<PolicyReloads>;
  #first: Promise<ReloadResult> | undefined;
  #firstAsked = false;

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
    this.#inForce = { engine: CedarPolicyEngine.load({ ...this.#engineOptions(), sources }), sources };
    this.#reloads = new LazyPart(async () => {
      const { PolicyReloads: Reloads } = await import('./PolicyReloads.js');
      return new Reloads(this.#source, sources, options, {
        inForce: () => this.#inForce,
        engineOptions: () => this.#engineOptions(),
        signal: this.#closing.signal,
        logger: this.#logger,
        keep: (same) => {
          this.#dropHeld();
          this.#inForce = { engine: this.engine, sources: same };
        },
        replace: (loaded) => this.#replace(loaded),
        hold: (held) => {
          this.#dropHeld();
          this.#held = held;
        },
        report: (result) => this.#report(result),
      });
    });
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

  /** The reload that waits for `confirm`; undefined if there is none. */
  get pending(): PendingReload | undefined {
    return this.#held?.reload;
  }

  /**
   * Reads the policies again. Another thread parses them, so that calls go on meanwhile; then they come into force at once. If they cannot be loaded, the
   * last good ones stay in force. Reloads run one after the other.
   *
   * @returns what became of the reload; never rejects, unless the code that reloads cannot be loaded (ConfigError)
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

  /** Stops watching and reloading, and frees the memory that the engine holds in cedar-wasm. */
  close(): void {
    this.#closing.abort();
    this.#watcher?.close();
    this.#dropHeld();
    this.engine.release();
  }

  async #watch(path: string): Promise<void> {
    const { PolicyWatcher: Watcher } = await import('./PolicyWatcher.js');
    // the first thing it does is to have the policies read again: a change since the first read is not missed
    if (!this.#closing.signal.aborted) this.#watcher = new Watcher(path, () => void this.#enqueue(false));
  }

  #enqueue(asked: boolean): Promise<ReloadResult> {
    const reloads = this.#reloads.get();
    if (!isThenable(reloads)) return reloads.enqueue(asked);
    // the first one is for all who ask while its code is loaded
    this.#firstAsked ||= asked;
    this.#first ??= Promise.resolve(reloads)
      .then((loaded) => loaded.enqueue(this.#firstAsked))
      .finally(() => (this.#first = undefined));
    return this.#first;
  }

  #replace({ engine, sources }: Loaded): void {
    const before = this.engine;
    this.#inForce = { engine, sources };
    if (this.#held?.engine === engine) this.#held = undefined;
    this.#dropHeld();
    before.release();
    this.#journal?.note({ kind: 'policies', hash: engine.hash, previousHash: before.hash });
  }

  #dropHeld(): void {
    this.#held?.engine.release();
    this.#held = undefined;
  }

  #engineOptions(): Omit<CedarPolicyEngineOptions, 'sources'> {
    const { agents, toolset, groups, verify } = this.#options;
    return { agents, toolset, groups, verify, logger: this.#logger };
  }

  #report(result: ReloadResult): void {
    try {
      this.#options.onReload?.(result);
    } catch (error) {
      publishCallbackError('onReload', error);
    }
  }
}
