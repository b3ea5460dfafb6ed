import type { Awaitable } from '../common/awaitable.js';
import { clampTimeout } from '../common/time/SteadyClock.js';
import type { ApprovalDesk } from '../decision/desk/ApprovalDesk.js';
import type { AegisModule } from '../guard/module/AegisModule.js';
import { ConfigError } from '../model/errors/SetupErrors.js';
import type { ApprovalRecord } from '../store/ApprovalStore.js';

/** What a simulated person says to one request. */
export type SimulatedVerdict =
  | 'approve'
  | 'deny'
  /** Says nothing: the approval stays pending. */
  | 'ignore'
  | {
      readonly verdict: 'approve' | 'deny';
      /** Who says it. Several people speak one after the other, for policies that each want a verdict. Default: the approver's `by`. */
      readonly by?: string | readonly string[] | undefined;
      readonly reason?: string | undefined;
    };

/** Options of {@link simulateApprover}. */
export interface SimulateApproverOptions {
  /** How long the person takes, in milliseconds. Default 0: the verdict is on its way before the guarded call hears that it needs one. */
  readonly after?: number | undefined;
  /** What the person says. Default: approve everything. */
  readonly decide?: ((request: ApprovalRecord) => Awaitable<SimulatedVerdict>) | undefined;
  /** Who decides. Default `simulated-approver`. */
  readonly by?: string | undefined;
}

/** Decides approvals until it is stopped. */
export interface SimulatedApprover extends Disposable {
  /** What it was asked, in this order. */
  readonly requests: readonly ApprovalRecord[];
  /** What went wrong: `decide` threw or said something else, or the desk refused the verdict. Nothing is approved then. */
  readonly problems: readonly Error[];
  /** Decides nothing any more, also of what it was asked already. */
  stop(): void;
}

/**
 * A person for tests: decides at the module's own desk, by the rules of the desk, what is pending and what comes. Its timers keep no process alive, and
 * fake timers drive them.
 *
 * @throws ConfigError for a module that has no desk, and for an `after` that is no time
 * @example using approver = simulateApprover(aegis, { after: 50, decide: ({ params }) => (params['amount'] === 13 ? 'deny' : 'approve') });
 */
export function simulateApprover(module: AegisModule, options: SimulateApproverOptions = {}): SimulatedApprover {
  return new Approver(module.approvals, options);
}

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
      throw new ConfigError([{ where: 'after', message: 'is a number of milliseconds, 0 or more.' }]);
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
    const said = await decide(record);
    if (said === 'ignore') return;
    const { verdict, by = person, reason }: Exclude<SimulatedVerdict, string> = typeof said === 'object' ? said : { verdict: said };
    if (verdict !== 'approve' && verdict !== 'deny') throw new TypeError("`decide` says 'approve', 'deny' or 'ignore'.");
    for (const who of typeof by === 'string' ? [by] : by) {
      // somebody else may have been first, which is no problem of this person's
      if (this.#stopped || (await this.#desk.get(record.decisionId))?.status !== 'pending') return;
      await this.#desk[verdict](record.decisionId, { by: who, digest: record.digest, reason });
    }
  }

  async #settle(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.problems.push(error instanceof Error ? error : new TypeError('`decide` threw a value that is no Error.'));
    }
  }
}
