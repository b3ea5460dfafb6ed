// What a reload needs, and nothing before it: loaded at the first one.
import { inSlices } from '../../common/time/inSlices.js';
import type { Logger } from '../../common/Logger.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { CedarPolicyEngine, CedarPolicyEngineOptions } from '../engine/CedarPolicyEngine.js';
import type { PolicySource, SourceText } from '../PolicySource.js';
import type { LoosenedPolicy } from './findLoosened.js';
import { loosenedBy, prepareReload } from './prepareReload.js';
import { readingPolicies, sameSources } from './readPolicies.js';

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

/** A set that was read. */
export interface Loaded {
  readonly engine: CedarPolicyEngine;
  readonly sources: readonly SourceText[];
}

/** A set that waits for a person. */
export type HeldPolicies = Loaded & { readonly reload: PendingReload };

/** What has the policies in force. */
export interface ReloadHost {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  inForce(): Loaded;
  engineOptions(): Omit<CedarPolicyEngineOptions, 'sources'>;
  /** The policies in force were read from these sources too: a set that is held is older than they are. */
  keep(sources: readonly SourceText[]): void;
  replace(loaded: Loaded): void;
  hold(held: HeldPolicies): void;
  report(result: ReloadResult): void;
}

/** Reads policies again, one reload after the other. */
export class PolicyReloads {
  readonly #source: PolicySource;
  readonly #options: { readonly onLoosened?: 'hold' | 'accept' | undefined };
  readonly #host: ReloadHost;
  /** What was read last; undefined where it could not be read. The same again is no change. */
  #lastRead: readonly SourceText[] | undefined;
  #lastProblem: string | undefined;
  /** The reload that runs, and the one that comes after it, for which all wait who ask meanwhile. */
  #running: Promise<ReloadResult> | undefined;
  #next: { readonly result: Promise<ReloadResult>; asked: boolean } | undefined;
  #toldOfThread = false;

  /** @param first what was read when the first policies came into force */
  constructor(
    source: PolicySource,
    first: readonly SourceText[],
    options: { readonly onLoosened?: 'hold' | 'accept' | undefined },
    host: ReloadHost,
  ) {
    this.#source = source;
    this.#lastRead = first;
    this.#options = options;
    this.#host = host;
  }

  get #hash(): string {
    return this.#host.inForce().engine.hash;
  }

  /** @param asked whether someone waits for the result: then it is reported even if nothing changed */
  enqueue(asked: boolean): Promise<ReloadResult> {
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
    if (this.#host.signal.aborted) return { status: 'failed', hash: this.#hash, error: closedError() };
    if (result === undefined) return { status: 'unchanged', hash: this.#hash };
    const { hash, status } = result;
    if (result.status === 'failed')
      this.#host.logger.error(
        { hash, problems: result.error.problems },
        'Policies could not be reloaded; the last good ones stay in force.',
      );
    else if (result.status === 'held')
      this.#host.logger.warn(
        { hash, loosened: result.loosened },
        'A reload would let more run, or more people approve. It waits until it is confirmed.',
      );
    else this.#host.logger.info({ hash, status }, 'Policies were reloaded.');
    this.#host.report(result);
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
    return { status: 'failed', hash: this.#hash, error: problem };
  }

  async #load(sources: readonly SourceText[], background: boolean): Promise<ReloadResult> {
    if (sameSources(sources, this.#host.inForce().sources)) return this.#unchanged(sources);
    const { signal } = this.#host;
    const options = { engine: this.#host.engineOptions(), signal, background, onNoThread: () => this.#tellOfThread() };
    const engine = await prepareReload(sources, options);
    for (;;) {
      const before = this.#host.inForce().engine;
      const loosened = this.#options.onLoosened === 'accept' ? [] : await loosenedBy(before, engine);
      if (signal.aborted) throw closedError();
      // a held set was confirmed meanwhile: that is the one to compare with
      if (before !== this.#host.inForce().engine) continue;
      const { hash } = engine;
      if (hash === before.hash) return this.#unchanged(sources);
      if (loosened.length === 0) {
        this.#host.replace({ engine, sources });
        return { status: 'applied', hash };
      }
      this.#host.hold({ engine, sources, reload: { hash, loosened } });
      return { status: 'held', hash, loosened };
    }
  }

  /** The same policies were read, perhaps in other files: a set that is held is older than they are. */
  #unchanged(sources: readonly SourceText[]): ReloadResult {
    this.#host.keep(sources);
    return { status: 'unchanged', hash: this.#hash };
  }

  #tellOfThread(): void {
    if (this.#toldOfThread) return;
    this.#toldOfThread = true;
    this.#host.logger.info(
      {},
      'No thread can be started here, as in a bundle of one file: policies are parsed in slices between other work, which takes longer.',
    );
  }
}

function closedError(): ConfigError {
  return new ConfigError([
    { where: 'policies', message: 'These policies were closed, so they are not read again. Use those of a module that is open.' },
  ]);
}
