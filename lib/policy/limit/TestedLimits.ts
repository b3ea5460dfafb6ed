import { didYouMean } from '../../common/didYouMean.js';
import { isPlainObject } from '../../common/data/plainObject.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import type { Params, Session } from '../../model/Params.js';
import { AMOUNT_PARTS, amountOf } from '../../model/terms/LimitTerms.js';
import type { LimitTerms } from '../../model/terms/LimitTerms.js';
import type { AppliedLimit, AppliedPolicy, PolicyOutcome } from '../PolicyEngine.js';
import type { Policy } from '../Policy.js';
import { askingOutcome } from './askingOutcome.js';
import { countCall, UNCOUNTED } from './countCall.js';

/** How much of limits is used in their present windows, by the ids of their policies. */
export type UsedLimits = Readonly<Record<string, { readonly used: number }>>;

/** Why a limit denies a call: it does not fit, its cost is no amount, or what is counted apart is missing. */
export type LimitCode = 'limit_reached' | 'limit_cost' | 'limit_unavailable';

/** What policies say of a call, with what their limits make of it. */
export type TestedOutcome =
  | PolicyOutcome
  | { readonly effect: 'deny'; readonly code: LimitCode; readonly reason: string; readonly policies: readonly AppliedPolicy[] };

/** A call of a test. */
export interface TestedCount {
  readonly agentId: string;
  readonly toolName: string;
  readonly params: Params;
  readonly session: Session | null;
  readonly nowMs: number;
}

/**
 * What is wrong with how much of limits is used: an id that no limit has, so that a test would pass for another reason, or what is no amount.
 *
 * @param where what the ids stand in
 */
export function usedProblems(used: UsedLimits, policies: readonly Pick<Policy, 'id' | 'limit'>[], where: string): readonly ConfigProblem[] {
  const known = policies.flatMap(({ id, limit }) => (limit === undefined ? [] : [id]));
  return Object.entries(used).flatMap(([id, value]): ConfigProblem[] => {
    const at = `${where}.${id}`;
    if (!known.includes(id)) return [{ where: at, message: `No policy with @effect("limit") has this id${didYouMean(id, known) || '.'}` }];
    const isUsed = isPlainObject(value) && Object.keys(value).join() === 'used' && amountOf(value['used']) !== undefined;
    return isUsed ? [] : [{ where: at, message: 'must be such as `{"used": 950}`: an amount of 0 or more with at most four decimals.' }];
  });
}

interface Taken {
  readonly key: string;
  readonly terms: LimitTerms;
  readonly cost: number;
  readonly atMs: number;
}

/** How many parts a sliding window is counted in, as the stores do. */
const SLICES = 16;
const REACHED = 'A limit is reached.';

/** What limits say in tests of policies: counted in a list, by the rules of the stores, and of one tenant whose sessions are believed. */
export class TestedLimits {
  readonly #used: UsedLimits;
  readonly #taken: Taken[] = [];
  #latestMs = 0;

  /** @param used what every counter of a limit holds at the start */
  constructor(used: UsedLimits = {}) {
    this.#used = used;
  }

  /** What becomes of a call. Counts nothing. */
  outcomeOf(outcome: PolicyOutcome, call: TestedCount): TestedOutcome {
    if (outcome.effect === 'deny' || outcome.limits === undefined) return outcome;
    const { limits } = outcome;
    const over: AppliedLimit[] = [];
    for (const limit of limits) {
      const found = this.#take(limit, outcome, call);
      if (typeof found !== 'string') {
        if (this.#held(found) + found.cost > limit.terms.limit) over.push(limit);
      } else if (limit.observed !== true) return denial(found, [limit.policy]);
    }
    const watched = over.filter(({ observed }) => observed === true).map(({ policy }) => policy);
    const enforced = over.filter(({ observed }) => observed !== true);
    const denying = enforced.filter(({ terms }) => terms.over === 'deny').map(({ policy }) => policy);
    if (denying.length > 0) return denial('limit_reached', denying);
    const seen = watched.length === 0 ? outcome : { ...outcome, observed: [...(outcome.observed ?? []), ...watched] };
    return enforced.length === 0
      ? seen
      : askingOutcome(
          { ...seen, limits },
          enforced.map(({ policy }) => policy),
        );
  }

  /** Counts a call that ran, whether it was allowed at once or people approved it. */
  run(outcome: PolicyOutcome, call: TestedCount): void {
    if (outcome.effect === 'deny') return;
    // as in the stores, the time never goes back
    this.#latestMs = Math.max(this.#latestMs, call.nowMs);
    for (const limit of outcome.limits ?? []) {
      const taken = this.#take(limit, outcome, call);
      if (typeof taken !== 'string') this.#taken.push(taken);
    }
  }

  /** How much a call counts for each limit that it can be counted for, in ten-thousandths. */
  costsOf(outcome: PolicyOutcome, call: TestedCount): ReadonlyMap<string, number> {
    const limits = outcome.effect === 'deny' ? [] : (outcome.limits ?? []);
    const costs = limits.map((limit) => [limit.policy.id, this.#take(limit, outcome, call)] as const);
    return new Map(costs.flatMap(([id, taken]) => (typeof taken === 'string' ? [] : [[id, taken.cost]])));
  }

  #take({ policy, terms }: AppliedLimit, outcome: PolicyOutcome, call: TestedCount): Taken | Exclude<LimitCode, 'limit_reached'> {
    const params = ('params' in outcome ? outcome.params : undefined) ?? call.params;
    const counted = countCall(terms, { ...call, params, tenantId: 'default', sessionTrusted: true });
    if (typeof counted === 'string') return counted;
    return { key: JSON.stringify([policy.id, counted.values]), terms, cost: counted.cost, atMs: Math.max(this.#latestMs, call.nowMs) };
  }

  #held({ key, terms, atMs: nowMs }: Taken): number {
    const [policyId] = JSON.parse(key) as [string];
    const own = Object.hasOwn(this.#used, policyId) ? this.#used[policyId] : undefined;
    let held = Math.round((own?.used ?? 0) * AMOUNT_PARTS);
    for (const { key: other, atMs, cost } of this.#taken) if (other === key && isInWindow(terms, atMs, nowMs)) held += cost;
    return held;
  }
}

function isInWindow({ kind, windowMs }: LimitTerms, atMs: number, nowMs: number): boolean {
  if (kind === 'fixed') return Math.floor(atMs / windowMs) === Math.floor(nowMs / windowMs);
  return Math.floor((atMs * SLICES) / windowMs) >= Math.floor((nowMs * SLICES) / windowMs) - SLICES;
}

function denial(code: LimitCode, policies: readonly AppliedPolicy[]): TestedOutcome {
  const sentence = code === 'limit_reached' ? REACHED : UNCOUNTED[code];
  const reasons = new Set(policies.map(({ reason }) => (code === 'limit_reached' ? reason : undefined) ?? sentence));
  return { effect: 'deny', code, reason: [...reasons].join('; '), policies };
}
