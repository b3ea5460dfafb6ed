import { ConfigError } from '../../model/errors/SetupErrors.js';
import { silentLogger, type Logger } from '../../common/Logger.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { combineJournals, type Journal } from '../../model/Journal.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import type { AgentConfig } from '../engine/AgentDirectory.js';
import { CedarPolicyEngine } from '../engine/CedarPolicyEngine.js';
import { removedForbids, type RemovedForbid } from './removedForbids.js';
import type { PolicySource } from '../PolicySource.js';
import { PolicyWatcher } from './PolicyWatcher.js';
import { pathOf, readPolicies } from './readPolicies.js';

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
  /** A reload that removes a forbid waits for `confirm` (`hold`), or comes into force at once (`accept`). @defaultValue `'hold'` */
  readonly onRemovedForbid?: 'hold' | 'accept' | undefined;
  /** Called after every reload. An error that it throws is reported, and changes nothing. */
  readonly onReload?: ((result: ReloadResult) => void) | undefined;
  /** Gets a `policies` event for each set that comes into force, the first one too. An error that it throws is reported, and changes nothing. */
  readonly journal?: Journal | undefined;
  /** Takes log lines. Default: none. */
  readonly logger?: Logger | undefined;
}

/** A reload that waits for a person, because it removes forbids. */
export interface PendingReload {
  /** The policy set's hash: what `confirm` takes. */
  readonly hash: string;
  /** The forbids that would no longer hold. */
  readonly removed: readonly RemovedForbid[];
}

/** The result of a reload. A complete policy set is always in force; after `held` and `failed` it is the old one. */
export type ReloadResult =
  | { readonly status: 'unchanged' | 'applied'; readonly hash: string }
  | { readonly status: 'held'; readonly hash: string; readonly removed: readonly RemovedForbid[] }
  | { readonly status: 'failed'; readonly hash: string; readonly error: ConfigError };

/** The policies in force, and their reloads. Read `engine` once per decision: an engine never changes. */
export class ReloadablePolicies {
  readonly #options: ReloadablePoliciesOptions;
  readonly #logger: Logger;
  readonly #journal: Journal | undefined;
  readonly #watcher: PolicyWatcher | undefined;
  #engine: CedarPolicyEngine;
  #held: { readonly engine: CedarPolicyEngine; readonly reload: PendingReload } | undefined;

  /** @throws ConfigError that names every problem */
  constructor(options: ReloadablePoliciesOptions) {
    // copied: a later reload reads them again
    this.#options = {
      ...options,
      source: frozenData(options.source),
      agents: frozenData(options.agents),
      groups: frozenData(options.groups),
    };
    this.#logger = options.logger ?? silentLogger;
    this.#journal = combineJournals(options.journal);
    const path = options.watch === true ? pathOf(options.source) : undefined;
    // watching starts first: a change during the first read is then a reload
    this.#watcher = path === undefined ? undefined : new PolicyWatcher(path, () => this.reload());
    try {
      this.#engine = this.#load();
    } catch (error) {
      this.#watcher?.close();
      throw error;
    }
    this.#journal?.note({ kind: 'policies', hash: this.#engine.hash });
  }

  /** The engine in force: immutable. */
  get engine(): CedarPolicyEngine {
    return this.#engine;
  }

  /** The reload that waits for `confirm`; undefined if there is none. */
  get pending(): PendingReload | undefined {
    return this.#held?.reload;
  }

  /**
   * Reads the policies again. Never throws: if they cannot be loaded, the last good ones stay in force.
   *
   * @returns what became of the reload
   */
  reload(): ReloadResult {
    const result = this.#reload();
    const { hash, status } = result;
    if (result.status === 'failed')
      this.#logger.error({ hash, problems: result.error.problems }, 'Policies could not be reloaded; the last good ones stay in force.');
    else if (result.status === 'held')
      this.#logger.warn({ hash, removed: result.removed }, 'A reload would remove forbid policies. It waits until it is confirmed.');
    else this.#logger.info({ hash, status }, 'Policies were reloaded.');
    this.#report(result);
    return result;
  }

  /**
   * Puts the held reload in force.
   *
   * @param hash the hash of `pending`, so that exactly the set that was looked at comes into force
   * @returns false if no held reload has this hash
   */
  confirm(hash: string): boolean {
    if (this.#held?.reload.hash !== hash) return false;
    this.#replace(this.#held.engine);
    this.#logger.info({ hash }, 'The held reload was confirmed; its policies are in force.');
    this.#report({ status: 'applied', hash });
    return true;
  }

  /** Stops watching, and frees the memory that the engine holds in cedar-wasm. */
  close(): void {
    this.#watcher?.close();
    this.#held?.engine.release();
    this.#held = undefined;
    this.#engine.release();
  }

  #reload(): ReloadResult {
    let next: CedarPolicyEngine;
    try {
      next = this.#load();
    } catch (error) {
      const problem =
        error instanceof ConfigError
          ? error
          : new ConfigError([{ where: 'policies', message: 'The policies cannot be loaded; see the cause of this error.' }], {
              cause: error,
            });
      return { status: 'failed', hash: this.#engine.hash, error: problem };
    }
    // a held set is older than the one that was read now
    this.#held?.engine.release();
    this.#held = undefined;
    const { hash } = next;
    if (hash === this.#engine.hash) return { status: 'unchanged', hash };
    const removed = this.#options.onRemovedForbid === 'accept' ? [] : removedForbids(this.#engine.policies, next.policies);
    if (removed.length > 0) {
      this.#held = { engine: next, reload: { hash, removed } };
      return { status: 'held', hash, removed };
    }
    this.#replace(next);
    return { status: 'applied', hash };
  }

  #replace(engine: CedarPolicyEngine): void {
    const before = this.#engine;
    this.#engine = engine;
    this.#held = undefined;
    before.release();
    this.#journal?.note({ kind: 'policies', hash: engine.hash, previousHash: before.hash });
  }

  #load(): CedarPolicyEngine {
    const { source, agents, toolset, groups, verify } = this.#options;
    return CedarPolicyEngine.load({ sources: readPolicies(source), agents, toolset, groups, verify, logger: this.#logger });
  }

  #report(result: ReloadResult): void {
    try {
      this.#options.onReload?.(result);
    } catch (error) {
      publishCallbackError('onReload', error);
    }
  }
}
