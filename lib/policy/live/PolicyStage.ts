import { checkedOptions } from '../../model/checkedOptions.js';
import { frozenData } from '../../model/snapshot/frozenData.js';
import { inSlices } from '../../common/time/inSlices.js';
import type { Logger } from '../../common/Logger.js';
import type { OptionKinds } from '../../common/readOptions.js';
import type { CedarPolicyEngine } from '../engine/CedarPolicyEngine.js';
import type { PolicySource, SourceText } from '../PolicySource.js';
import { checkedSample, promoteOptions, refusalOf, StagedPolicies } from '../staged/StagedPolicies.js';
import type { PromoteOptions, PromoteRefusal } from '../staged/StagedPolicies.js';
import type { LoosenedPolicy } from './findLoosened.js';
import { readingPolicies } from './readPolicies.js';

/** Options of `ReloadablePolicies.stage`. */
export interface StageOptions {
  /** The policies to try: a file, a folder, `{ text }`, or `{ files }` that were read already. They are read once. */
  readonly source: PolicySource | { readonly files: readonly SourceText[] };
  /** The share of the calls that is compared, over 0 and at most 1. @defaultValue 1 */
  readonly sample?: number | undefined;
}

const STAGE_OPTIONS: OptionKinds<StageOptions> = { source: 'text|object!', sample: 'any' };

type Promoted = Exclude<PromoteResult, { status: 'refused' }>;

/** What became of a promotion: in force, held until it is confirmed as a reload is, or refused. */
export type PromoteResult =
  | { readonly status: 'applied'; readonly hash: string }
  | { readonly status: 'held'; readonly hash: string; readonly loosened: readonly LoosenedPolicy[] }
  | { readonly status: 'refused'; readonly hash: string; readonly refusal: PromoteRefusal };

/** A set that was read. */
export interface LoadedSet {
  readonly engine: CedarPolicyEngine;
  readonly sources: readonly SourceText[];
  /** Who puts it in force, where it was staged before. */
  readonly by?: string | undefined;
}

/** The policies in force: where they are from, and since when they are in force. */
export interface PoliciesInForce {
  /** Their hash. */
  readonly hash: string;
  /** What a reload reads: a path, made absolute, or the text. Promoted policies came from elsewhere. */
  readonly source: PolicySource;
  /** Since when, in epoch milliseconds, by this process's clock. */
  readonly sinceMs: number;
  /** Who promoted them; absent where they were read from the source. */
  readonly by?: string | undefined;
}

/** What the stage asks of the policies in force. */
export interface StageHost {
  /** The engine in force. */
  engine(): CedarPolicyEngine;
  /** @throws ConfigError for policies that do not load */
  prepare(sources: readonly SourceText[]): Promise<CedarPolicyEngine>;
  /** What would be looser than the policies in force, and has to be confirmed. @throws ConfigError where they were closed */
  loosenedBy(engine: CedarPolicyEngine): Promise<readonly LoosenedPolicy[]>;
  replace(set: LoadedSet): void;
  hold(set: LoadedSet, loosened: readonly LoosenedPolicy[]): void;
  report(result: Promoted): void;
  readonly logger: Logger;
}

/** Policies that are tried beside those in force. Loaded when some are staged for the first time. */
export class PolicyStage {
  readonly #host: StageHost;
  #set: (LoadedSet & { readonly staged: StagedPolicies }) | undefined;

  constructor(host: StageHost) {
    this.#host = host;
  }

  /** The policies that are staged. */
  get staged(): StagedPolicies | undefined {
    return this.#set?.staged;
  }

  /** Stages policies in the place of those that are staged. @throws ConfigError */
  async set(options: StageOptions): Promise<StagedPolicies> {
    const { source, sample } = checkedOptions('stage()', options, STAGE_OPTIONS);
    const share = checkedSample(sample);
    const given = frozenData(source);
    const sources = typeof given === 'object' && 'files' in given ? given.files : await inSlices(readingPolicies(given));
    const engine = await this.#host.prepare(sources);
    const staged = new StagedPolicies(engine, this.#host.engine().hash, share);
    this.close();
    this.#set = { engine, sources, staged };
    this.#host.logger.info({ hash: engine.hash }, 'Policies were staged. They decide nothing.');
    return staged;
  }

  /** Puts the staged policies in force, has them held, or refuses to. @throws ConfigError */
  async promote(given: PromoteOptions): Promise<PromoteResult> {
    const conditions = promoteOptions(given);
    const { hash, by } = conditions;
    const { logger } = this.#host;
    for (;;) {
      const set = this.#set;
      const refusal = refusalOf(set?.staged, conditions);
      if (set === undefined || refusal !== undefined) return { status: 'refused', hash, refusal: refusal as PromoteRefusal };
      const before = this.#host.engine();
      const loosened = await this.#host.loosenedBy(set.engine);
      // others were staged, or came into force, meanwhile: what was looked at is not what would happen
      if (set !== this.#set || before !== this.#host.engine()) continue;
      const { engine, sources } = set;
      if (loosened.length > 0) {
        logger.warn(
          { hash, by, loosened },
          'Staged policies would let more run, or more people approve. They wait until they are confirmed.',
        );
        this.#host.hold({ engine, sources, by }, loosened);
        return this.#told({ status: 'held', hash, loosened });
      }
      logger.info({ hash, by }, 'Staged policies are in force. Put their files in their place too: a restart reads those.');
      this.#host.replace({ engine, sources, by });
      return this.#told({ status: 'applied', hash });
    }
  }

  /** Drops the staged policies if they have this hash. */
  drop(hash: string): boolean {
    if (this.#set?.staged.hash !== hash) return false;
    this.close();
    return true;
  }

  /** The engine is in force now: it is no longer staged. */
  forget(engine: CedarPolicyEngine): void {
    if (this.#set?.engine !== engine) return;
    this.#set.staged.stop();
    this.#set = undefined;
  }

  #told(result: Promoted): PromoteResult {
    this.#host.report(result);
    return result;
  }

  /** Drops what is staged. */
  close(): void {
    this.#set?.staged.stop();
    this.#set?.engine.release();
    this.#set = undefined;
  }
}
