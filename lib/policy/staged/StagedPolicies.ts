import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import type { CedarPolicyEngine } from '../engine/CedarPolicyEngine.js';
import type { PolicyCall, PolicyOutcome } from '../PolicyEngine.js';
import { DifferenceTable, type DifferenceReport } from './DifferenceTable.js';

/** What staged policies would have decided otherwise, and on how much. */
export interface StagedReport extends DifferenceReport {
  /** The hash of the staged policies: what `promote` takes. */
  readonly hash: string;
  /** The hash of the policies in force that they were compared with. When others come into force, counting begins again. */
  readonly against: string;
  /** When they were staged, in epoch milliseconds. */
  readonly stagedAtMs: number;
  /** When counting began, in epoch milliseconds. */
  readonly sinceMs: number;
  /** The share of the calls that is compared. */
  readonly sample: number;
  /** How many calls were not compared, because too many waited for it. */
  readonly skipped: number;
}

/** Under which conditions staged policies come into force. */
export interface PromoteOptions {
  /** The hash of the staged policies, so that exactly those come into force whose report was read. */
  readonly hash: string;
  /** Who says so: 1 to 256 characters. The journal names them. */
  readonly by: string;
  /** How many calls may be newly allowed. @defaultValue 0 */
  readonly maxNewlyAllowed?: number | undefined;
  /** How many calls must have been compared. @defaultValue 1,000 */
  readonly minDecisions?: number | undefined;
}

/** Options of a promotion with their defaults. */
export interface PromoteConditions {
  readonly hash: string;
  readonly by: string;
  readonly maxNewlyAllowed: number;
  readonly minDecisions: number;
}

const PROMOTE_OPTIONS: OptionKinds<PromoteOptions> = { hash: 'text!', by: 'text!', maxNewlyAllowed: 'any', minDecisions: 'any' };

/** Why staged policies do not come into force. */
export interface PromoteRefusal {
  /** For programs: `hash` (others are staged), `gone` (none are), `too_few_decisions`, `too_many_newly_allowed`. */
  readonly code: 'hash' | 'gone' | 'too_few_decisions' | 'too_many_newly_allowed';
  /** In words, with what to do. */
  readonly message: string;
}

/** Waiting calls at most: more are skipped, so that calls that come faster than they can be compared take no memory. */
const MAX_WAITING = 4_096;
/** The longest that comparing keeps the thread from its other work, in milliseconds. */
const SLICE_MS = 2;
const MAX_BY = 256;

interface WaitingCall {
  readonly call: PolicyCall;
  readonly outcome: PolicyOutcome;
}

/** Policies that are tried on live calls without deciding them. */
export class StagedPolicies {
  /** @internal */
  readonly engine: CedarPolicyEngine;
  readonly #sample: number;
  readonly #stagedAtMs: number = Date.now();
  #table = new DifferenceTable();
  #sinceMs: number = this.#stagedAtMs;
  #against: string;
  #skipped = 0;
  #due = 0;
  #waiting: WaitingCall[] = [];
  #scheduled = false;

  /** @param against the hash of the policies in force */
  constructor(engine: CedarPolicyEngine, against: string, sample: number) {
    this.engine = engine;
    this.#against = against;
    this.#sample = sample;
  }

  /** The hash of the staged policies. */
  get hash(): string {
    return this.engine.hash;
  }

  /** @internal How many calls wait to be compared. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** @internal Notes a call that was decided. It is compared later, when this turn of the event loop is over. */
  take(call: PolicyCall, outcome: PolicyOutcome, against: string): void {
    if (against !== this.#against) this.#restart(against);
    this.#due += this.#sample;
    if (this.#due < 1) return;
    this.#due -= 1;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#skipped += 1;
      return;
    }
    this.#waiting.push({ call, outcome });
    this.#schedule();
  }

  /** What would have been decided otherwise. Calls that wait to be compared are compared first. */
  report(): StagedReport {
    this.#compare(Infinity);
    const [stagedAtMs, sinceMs] = [this.#stagedAtMs, this.#sinceMs];
    return {
      hash: this.hash,
      against: this.#against,
      stagedAtMs,
      sinceMs,
      sample: this.#sample,
      skipped: this.#skipped,
      ...this.#table.report(),
    };
  }

  /** @internal Forgets the calls that wait. */
  stop(): void {
    this.#waiting = [];
  }

  /** Differences from policies that are no longer in force say nothing about those that are. */
  #restart(against: string): void {
    this.#against = against;
    this.#table = new DifferenceTable();
    this.#sinceMs = Date.now();
    this.#waiting = [];
    this.#skipped = this.#due = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#compare(SLICE_MS);
      if (this.#waiting.length > 0) this.#schedule();
    }).unref();
  }

  #compare(forMs: number): void {
    const untilMs = forMs === Infinity ? Infinity : performance.now() + forMs;
    const waiting = this.#waiting;
    let done = 0;
    // the clock costs as much as a tenth of a decision
    while (done < waiting.length && (done % 16 !== 0 || done === 0 || untilMs === Infinity || performance.now() < untilMs)) {
      const { call, outcome } = waiting[done++] as WaitingCall;
      this.#table.addOutcomes(call.toolName, call.nowMs, outcome, this.engine.evaluate(call));
    }
    this.#waiting = done === waiting.length ? [] : waiting.slice(done);
  }
}

/** Reads the conditions of a promotion. @throws ConfigError */
export function promoteOptions(given: PromoteOptions): PromoteConditions {
  const { hash, by, maxNewlyAllowed = 0, minDecisions = 1_000 } = checkedOptions('promote()', given, PROMOTE_OPTIONS);
  const problems: ConfigProblem[] = [];
  if (by.trim() === '' || by.length > MAX_BY)
    problems.push({ where: 'promote(): by', message: `must name who promotes, in 1 to ${MAX_BY} characters.` });
  for (const [name, value] of Object.entries({ maxNewlyAllowed, minDecisions }))
    if (!Number.isSafeInteger(value) || value < 0)
      problems.push({ where: `promote(): ${name}`, message: 'must be a whole number from 0.' });
  if (problems.length > 0) throw new ConfigError(problems);
  return { hash, by, maxNewlyAllowed, minDecisions };
}

/** Reads the share of calls that is compared. @throws ConfigError */
export function checkedSample(sample = 1): number {
  if (typeof sample === 'number' && sample > 0 && sample <= 1) return sample;
  throw new ConfigError([
    { where: 'stage(): sample', message: 'must be a share of the calls: a number over 0, and at most 1 for all of them.' },
  ]);
}

/** Why these staged policies may not come into force under these conditions; undefined where they may. */
export function refusalOf(staged: StagedPolicies | undefined, conditions: PromoteConditions): PromoteRefusal | undefined {
  if (staged === undefined) return { code: 'gone', message: 'No policies are staged. Stage them, and read their report.' };
  if (staged.hash !== conditions.hash)
    return { code: 'hash', message: 'Policies with another hash are staged. Read their report, and promote them by their own hash.' };
  const { compared, differences } = staged.report();
  if (compared < conditions.minDecisions)
    return {
      code: 'too_few_decisions',
      message: `${compared} calls were compared, and ${conditions.minDecisions} are demanded. Wait for more, or demand fewer.`,
    };
  if (differences.newlyAllowed > conditions.maxNewlyAllowed)
    return {
      code: 'too_many_newly_allowed',
      message: `${differences.newlyAllowed} calls would be newly allowed, and ${conditions.maxNewlyAllowed} may be. Look at them in the report, and allow as many if they are meant.`,
    };
  return undefined;
}
