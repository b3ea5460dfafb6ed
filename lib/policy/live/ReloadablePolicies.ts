import { ConfigError } from '../../model/errors/SetupErrors.js';
import { silentLogger, type Logger } from '../../common/Logger.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import type { AgentConfig } from '../engine/AgentDirectory.js';
import { CedarPolicyEngine } from '../engine/CedarPolicyEngine.js';
import { removedForbids, type RemovedForbid } from './removedForbids.js';
import type { PolicySource } from '../PolicySource.js';
import { PolicyWatcher } from './PolicyWatcher.js';
import { pathOf, readPolicies } from './readPolicies.js';

/** Options of {@link ReloadablePolicies}. */
export interface ReloadablePoliciesOptions {
  readonly source: PolicySource;
  /** See CedarPolicyEngineOptions. */
  readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
  readonly toolset?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly verify?: number | undefined;
  /** Reload when the files change. Default false. */
  readonly watch?: boolean | undefined;
  /** A reload that drops a forbid waits for `confirm` (`hold`), or is taken (`accept`). Default `hold`. */
  readonly onRemovedForbid?: 'hold' | 'accept' | undefined;
  /** Told of every reload. What it throws changes nothing. */
  readonly onReload?: ((result: ReloadResult) => void) | undefined;
  readonly logger?: Logger | undefined;
}

/** A reload that waits for a person, because it drops forbids. */
export interface PendingReload {
  /** The policy set's hash: what `confirm` takes. */
  readonly hash: string;
  readonly removed: readonly RemovedForbid[];
}

/** What became of a reload. In every case there is a complete policy set in force; after `held` and `failed` it is the old one. */
export type ReloadResult =
  | { readonly status: 'unchanged' | 'applied'; readonly hash: string }
  | { readonly status: 'held'; readonly hash: string; readonly removed: readonly RemovedForbid[] }
  | { readonly status: 'failed'; readonly hash: string; readonly error: ConfigError };

/** The policies in force, and their reloads. Take `engine` once per decision: it never changes under you. */
export class ReloadablePolicies {
  readonly #options: ReloadablePoliciesOptions;
  readonly #logger: Logger;
  readonly #watcher: PolicyWatcher | undefined;
  #engine: CedarPolicyEngine;
  #held: { readonly engine: CedarPolicyEngine; readonly reload: PendingReload } | undefined;

  /** @throws ConfigError naming every problem */
  constructor(options: ReloadablePoliciesOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    const path = options.watch === true ? pathOf(options.source) : undefined;
    // watching starts first: a change during the first read is then a reload
    this.#watcher = path === undefined ? undefined : new PolicyWatcher(path, () => this.reload());
    try {
      this.#engine = this.#load();
    } catch (error) {
      this.#watcher?.close();
      throw error;
    }
  }

  /** The engine in force: immutable. */
  get engine(): CedarPolicyEngine {
    return this.#engine;
  }

  /** The reload that waits for `confirm`, if any. */
  get pending(): PendingReload | undefined {
    return this.#held?.reload;
  }

  /** Reads the policies again. Never throws: policies that cannot be loaded leave the last good ones in force. */
  reload(): ReloadResult {
    const result = this.#reload();
    const { hash, status } = result;
    if (result.status === 'failed')
      this.#logger.error({ hash, problems: result.error.problems }, 'Policies could not be reloaded; the last good ones stay in force.');
    else if (result.status === 'held')
      this.#logger.warn({ hash, removed: result.removed }, 'A reload drops forbid policies; it waits to be confirmed.');
    else this.#logger.info({ hash, status }, 'Policies were reloaded.');
    this.#tell(result);
    return result;
  }

  /**
   * Puts the held reload in force.
   *
   * @param hash that of `pending`: what was looked at is what is taken
   * @returns false where there is no held reload with this hash (any more)
   */
  confirm(hash: string): boolean {
    if (this.#held?.reload.hash !== hash) return false;
    this.#replace(this.#held.engine);
    this.#logger.info({ hash }, 'Policies were reloaded as confirmed.');
    this.#tell({ status: 'applied', hash });
    return true;
  }

  /** Stops watching, and frees what the engine holds in cedar-wasm. */
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
          : new ConfigError([{ where: 'policies', message: 'They cannot be loaded.' }], { cause: error });
      return { status: 'failed', hash: this.#engine.hash, error: problem };
    }
    // whatever was held is older than what was read now
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
  }

  #load(): CedarPolicyEngine {
    const { source, agents, toolset, groups, verify } = this.#options;
    return CedarPolicyEngine.load({ sources: readPolicies(source), agents, toolset, groups, verify, logger: this.#logger });
  }

  #tell(result: ReloadResult): void {
    try {
      this.#options.onReload?.(result);
    } catch (error) {
      publishCallbackError('onReload', error);
    }
  }
}
