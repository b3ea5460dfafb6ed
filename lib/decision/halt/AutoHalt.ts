import type { Awaitable } from '../../common/awaitable.js';
import { digits, got } from '../../common/readOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import type { Decision } from '../../model/Decision.js';
import { EVIDENCE } from '../../model/DecisionEvidence.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { isInScope } from '../../model/halt/Halt.js';
import type { JournalEvent } from '../../model/Journal.js';
import type { HaltBook } from './HaltBook.js';

/** When an agent is halted without a person. */
export interface AutoHaltOptions {
  /** How many calls of one agent are refused before it is halted: 1 … 10,000. */
  readonly after: number;
  /** Within what time, in milliseconds: 1,000 … 86,400,000. */
  readonly withinMs: number;
  /**
   * How long it is halted, in milliseconds.
   *
   * @defaultValue until a person lifts the halt
   */
  readonly forMs?: number | undefined;
  /**
   * What happens to its calls that wait for a person, as for `aegis.halts.halt()`.
   *
   * @defaultValue `freeze`
   */
  readonly pending?: 'freeze' | 'cancel' | undefined;
}

const AUTO_HALT: OptionKinds<AutoHaltOptions> = { after: 'count!', withinMs: 'ms!', forMs: 'ms', pending: "'freeze'|'cancel'" };

/** Who orders such halts. */
const AUTO_HALT_BY = 'auto-halt';

/** Refusals that a call brings about by itself: where policies or facts fail, or a limit is reached, that is not its agent's doing. */
const OWN_DOING: ReadonlySet<string | undefined> = new Set(['no_permit', 'forbidden']);
/** How many agents are counted at a time: those who were refused last. */
const MAX_AGENTS = 10_000;

const MAX_AFTER = 10_000;
const MIN_MS = 1_000;
const MAX_MS: Readonly<Record<'withinMs' | 'forMs', number>> = { withinMs: 86_400_000, forMs: 3_153_600_000_000 };

/**
 * Checks options that the program did not check with its others.
 *
 * @throws ConfigError naming every problem
 */
export function checkedAutoHalt(where: string, given: AutoHaltOptions): AutoHaltOptions {
  const options = checkedOptions(where, given, AUTO_HALT);
  const problems: ConfigProblem[] = [];
  const { after, withinMs, forMs = MIN_MS } = options;
  if (after < 1 || after > MAX_AFTER)
    problems.push({ where: `${where}.after`, message: `must be a whole number from 1 to ${digits(MAX_AFTER)} (got ${got(after)}).` });
  for (const [name, ms] of Object.entries({ withinMs, forMs } as const))
    if (ms < MIN_MS || ms > MAX_MS[name as 'withinMs']) {
      const most = digits(MAX_MS[name as 'withinMs']);
      problems.push({
        where: `${where}.${name}`,
        message: `must be a number of milliseconds from ${digits(MIN_MS)} to ${most} (got ${got(ms)}).`,
      });
    }
  if (problems.length > 0) throw new ConfigError(problems);
  return options;
}

/**
 * Halts an agent whose calls are refused too often. Only what the agent is known to have caused is counted: no agent can have another one halted. Each process
 * counts by itself.
 */
export class AutoHalt {
  readonly #options: AutoHaltOptions;
  readonly #halts: () => Awaitable<Pick<HaltBook, 'halt' | 'inForce'>>;
  readonly #now: () => number;
  /** When each agent was refused, newest last. */
  readonly #refusals = new Map<string, readonly number[]>();
  readonly #halting = new Set<string>();

  /** @param now the clock of the halts, in epoch milliseconds */
  constructor(options: AutoHaltOptions, halts: () => Awaitable<Pick<HaltBook, 'halt' | 'inForce'>>, now: () => number) {
    this.#options = options;
    this.#halts = halts;
    this.#now = now;
  }

  /** Counts a decision on a call that an agent has made, where it is a refusal by policy. */
  decided(agentId: string, decision: Decision): void {
    if (decision.effect === 'deny' && OWN_DOING.has(decision[EVIDENCE]?.code)) this.#count(agentId);
  }

  /** Counts what looked forged or replayed, where it is known which agent caused it. The agent that it is about may be the victim. */
  noted(event: JournalEvent): void {
    const actor = event.kind === 'security' ? event.diagnostic.actor : undefined;
    if (actor?.kind === 'caller' && actor.agentId !== undefined) this.#count(actor.agentId);
  }

  #count(agentId: string): void {
    const nowMs = this.#now();
    const { after, withinMs } = this.#options;
    const refusals = [...(this.#refusals.get(agentId) ?? []).filter((atMs) => atMs > nowMs - withinMs), nowMs].slice(-after);
    this.#refusals.delete(agentId);
    this.#refusals.set(agentId, refusals);
    if (this.#refusals.size > MAX_AGENTS) this.#refusals.delete(this.#refusals.keys().next().value as string);
    if (refusals.length >= after && !this.#halting.has(agentId)) void this.#halt(agentId, nowMs);
  }

  /** Where the halt cannot be ordered, the next refusal tries again. */
  async #halt(agentId: string, nowMs: number): Promise<void> {
    this.#halting.add(agentId);
    try {
      const halts = await this.#halts();
      const { after, withinMs, forMs, pending } = this.#options;
      const reason = `${digits(after)} of its calls were refused within ${digits(withinMs / 1_000)} s`;
      const untilMs = forMs === undefined ? undefined : nowMs + Math.ceil(forMs);
      // by another process, or by a person, for as long at least: after a shorter pause it would go on, with nothing counted
      const isHalted = halts.inForce.some(
        ({ scope, by, untilMs: endMs = Infinity }) =>
          (by === AUTO_HALT_BY || endMs >= (untilMs ?? Infinity)) && isInScope(scope, { agentId, toolName: '' }),
      );
      if (!isHalted) await halts.halt({ agentId }, { by: AUTO_HALT_BY, reason, pending, untilMs });
      this.#refusals.delete(agentId);
    } catch (error) {
      publishCallbackError('halting an agent by itself', error);
    } finally {
      this.#halting.delete(agentId);
    }
  }
}
