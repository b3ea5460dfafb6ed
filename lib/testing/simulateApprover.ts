import type { Awaitable } from '../common/awaitable.js';
import { clampTimeout } from '../common/time/SteadyClock.js';
import type { ApprovalDesk } from '../decision/desk/ApprovalDesk.js';
import type { AegisModule } from '../guard/module/AegisModule.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import type { ApprovalRecord } from '../store/ApprovalStore.js';
import { checkedOptions } from '../model/checkedOptions.js';
import type { OptionKinds } from '../common/readOptions.js';

/** The answer of a simulated person to one request. */
export type SimulatedVerdict =
  | 'approve'
  | 'deny'
  /** The person does not answer, so the approval stays pending. */
  | 'ignore'
  | {
      readonly verdict: 'approve' | 'deny';
      /**
       * The person who gives the verdict, or several people who give it one after the other, for policies that each need one.
       *
       * @defaultValue the approver's `by`
       */
      readonly by?: string | readonly string[] | undefined;
      readonly reason?: string | undefined;
    };

/** Options of {@link simulateApprover}. */
export interface SimulateApproverOptions {
  /**
   * How long the person takes, in milliseconds.
   *
   * @defaultValue 0: the verdict is given before the guarded call learns that it needs one
   */
  readonly after?: number | undefined;
  /**
   * Decides on a request.
   *
   * @defaultValue approves everything
   */
  readonly decide?: ((request: ApprovalRecord) => Awaitable<SimulatedVerdict>) | undefined;
  /**
   * The person who decides.
   *
   * @defaultValue `simulated-approver`
   */
  readonly by?: string | undefined;
}

/** A simulated person, who decides on approvals until stopped. */
export interface SimulatedApprover extends Disposable {
  /** The requests so far, in order. */
  readonly requests: readonly ApprovalRecord[];
  /** The errors so far: `decide` threw or returned an invalid answer, or the desk refused the verdict. Such a request is not approved. */
  readonly problems: readonly Error[];
  /** Stops deciding, also on earlier requests. */
  stop(): void;
}

/**
 * Simulates a person for tests, who decides on all pending and later requests at the module's own approval desk, by the rules of that desk. Its timers do not keep the
 * process alive, and work with fake timers.
 *
 * @param module what `AegisModule.configure()` or `AegisModule.create()` returned
 * @throws ConfigError for a module without an approval desk, or an invalid `after`
 * @example using approver = simulateApprover(aegis, { after: 50, decide: ({ params }) => (params['amount'] === 13 ? 'deny' : 'approve') });
 */
export function simulateApprover(module: AegisModule, options: SimulateApproverOptions = {}): SimulatedApprover {
  return new Approver(module.approvals, checkedOptions('simulateApprover()', options, SIMULATED));
}

const SIMULATED: OptionKinds<SimulateApproverOptions> = { after: 'any', decide: 'function', by: 'text' };

class Approver implements SimulatedApprover {
  readonly requests: ApprovalRecord[] = [];
  readonly problems: Error[] = [];
  readonly #desk: ApprovalDesk;
  readonly #options: SimulateApproverOptions;
  readonly #after: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #known = new Set<string>();
  #stopped = false;

  constructor(desk: ApprovalDesk, options: SimulateApproverOptions) {
    this.#desk = desk;
    this.#options = options;
    this.#after = options.after ?? 0;
    if (!Number.isFinite(this.#after) || this.#after < 0)
      throw new ConfigError([{ where: 'after', message: 'must be a number of milliseconds, 0 or more.' }]);
    desk.on('requested', this.#requested);
    void this.#settle(async () => (await desk.list()).forEach(this.#requested));
  }

  stop(): void {
    this.#stopped = true;
    this.#desk.off('requested', this.#requested);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  readonly #requested = (record: ApprovalRecord): void => {
    if (this.#stopped || this.#known.has(record.decisionId)) return;
    this.#known.add(record.decisionId);
    this.requests.push(record);
    const decide = (): Promise<void> => this.#settle(() => this.#decide(record));
    if (this.#after === 0) {
      void decide();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void decide();
    }, clampTimeout(this.#after));
    timer.unref();
    this.#timers.add(timer);
  };

  async #decide(record: ApprovalRecord): Promise<void> {
    const { decide = () => 'approve', by: person = 'simulated-approver' } = this.#options;
    const answer = await decide(record);
    if (answer === 'ignore') return;
    const {
      verdict,
      by = person,
      reason,
    }: Exclude<SimulatedVerdict, string> = typeof answer === 'object'
      ? checkedOptions('decide()', answer, { verdict: 'any', by: 'string|strings', reason: 'string' })
      : { verdict: answer };
    if (verdict !== 'approve' && verdict !== 'deny')
      throw new TypeError("`decide` must return 'approve', 'deny', 'ignore' or an object with such a `verdict`.");
    for (const who of typeof by === 'string' ? [by] : by) {
      // another person may have decided first, which is not a problem
      if (this.#stopped || (await this.#desk.get(record.decisionId))?.status !== 'pending') return;
      await this.#desk[verdict](record.decisionId, { by: who, digest: record.digest, reason });
    }
  }

  async #settle(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.problems.push(error instanceof Error ? error : new TypeError('`decide` threw a value that is not an Error.'));
    }
  }
}
