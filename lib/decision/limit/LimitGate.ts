import { attempt, isThenable } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { LruMap } from '../../common/LruMap.js';
import type { NamedPolicy } from '../../model/DecisionEvidence.js';
import { PairMap } from '../../common/PairMap.js';
import { writeLimitLabel } from './limitLabel.js';
import { countCall, UNCOUNTED } from '../../policy/limit/countCall.js';
import type { CallToCount } from '../../policy/limit/countCall.js';
import { AMOUNT_PARTS } from '../../model/terms/LimitTerms.js';
import type { LimitTerms } from '../../model/terms/LimitTerms.js';
import type { AppliedLimit, AppliedPolicy } from '../../policy/PolicyEngine.js';
import type { CounterStore, CounterTake, RefusedTake, TakeOutcome } from '../../store/counter/CounterStore.js';

/** A call, as limits count it. */
export type LimitedCall = Omit<CallToCount, 'tenantId'>;

/** What limits say to a call. */
export type LimitFinding =
  | LimitFit
  | LimitDenial
  /** It does not fit, and people may let it run all the same. */
  | { readonly kind: 'asks'; readonly approvals: readonly AppliedPolicy[] };

/** It fits. */
export interface LimitFit {
  readonly kind: 'fits';
  /** The limits that would have stopped it, if they were not only watched. */
  readonly watched: readonly AppliedPolicy[];
  readonly near: readonly CountedLimit[];
  /** All limits that were asked. */
  readonly names: readonly NamedPolicy[];
}

/** It does not run. */
export interface LimitDenial {
  readonly kind: 'denied';
  readonly code: 'limit_reached' | 'limit_cost' | 'limit_unavailable';
  /** Safe for the caller: the authors' words, and when to come again. No numbers. */
  readonly reason: string;
  readonly policies: readonly AppliedPolicy[];
  /** When the windows are over that it does not fit in, in epoch milliseconds. */
  readonly retryAtMs?: number | undefined;
  /** What it does not fit in. */
  readonly over?: readonly CountedLimit[] | undefined;
  /** What failed. */
  readonly error?: unknown;
}

/** What a call takes, or that it cannot be counted. */
export type LimitPlan = { readonly kind: 'takes'; readonly takes: readonly CounterTake[] } | LimitDenial;

/** What limits need. */
export interface LimitRules {
  readonly counters: CounterStore;
  readonly tenantId: string;
  /** Whether takes are on the disk before they are answered. */
  readonly durable: boolean;
}

/** A limit, and what a call takes of it. */
export interface CountedLimit {
  readonly limit: AppliedLimit;
  readonly take: CounterTake;
}

/** What a call takes: of each limit, and the same takes by themselves. */
interface CountedCall {
  readonly limits: readonly CountedLimit[];
  readonly takes: readonly CounterTake[];
}

/** What a call takes of one limit, and the finding where it simply fits. */
interface CountedOnce extends CountedCall {
  readonly limit: AppliedLimit;
  readonly cost: number;
  readonly fit: LimitFit;
}

/** The counter of a limit and of what it counts apart. */
interface Named {
  readonly key: string;
  readonly label: string;
  readonly warnAt: number | undefined;
  /** What the last call took of it, frozen: most calls take the same, and a take that is frozen is checked once. */
  last?: CountedOnce;
}

/** What is known of the counters of a limit. */
interface KnownLimit {
  readonly terms: LimitTerms;
  /** By who calls what, where each call counts one and nothing else is counted apart. */
  readonly byCaller: PairMap<Named> | undefined;
  /** By what it counts apart. */
  readonly byValues: LruMap<string, Named>;
}

const MAX_KEYS = 10_000;
const MAX_KEYS_OF_LIMIT = 1_000;
/** How long the text of a counter may be whose name is kept. */
const MAX_KEPT = 1_000;

/** Counts calls towards the limits of one tenant. Any doubt is a denial. */
export class LimitGate {
  readonly #rules: LimitRules;
  readonly #named = new LruMap<string, Named>(MAX_KEYS);
  /** By the policy of a limit: policies may share their terms, but never a counter. */
  readonly #known = new WeakMap<AppliedPolicy, KnownLimit>();

  constructor(rules: LimitRules) {
    this.#rules = rules;
  }

  /**
   * Counts a call that is about to run, where it fits.
   *
   * @param token identifies its decision
   * @param keepMs how long what is taken can be given back
   */
  take(limits: readonly AppliedLimit[], call: LimitedCall, token: string, keepMs: number): Awaitable<LimitFinding> {
    const counted = this.#counted(limits, call);
    if ('kind' in counted) return counted;
    const { counters, durable } = this.#rules;
    // no closures where the store answers at once: every call that is counted comes here
    try {
      const outcome = counters.take({ token, takes: counted.takes, keepMs }, durable ? DURABLE : undefined);
      if (!isThenable(outcome)) return found(limits, counted, outcome);
      return Promise.resolve(outcome).then(
        (later) => found(limits, counted, later),
        (error: unknown) => failed(limits, error),
      );
    } catch (error) {
      return failed(limits, error);
    }
  }

  /**
   * Looks whether a call would fit. Takes nothing.
   *
   * @param token whose own takes do not count against it
   */
  peek(limits: readonly AppliedLimit[], call: LimitedCall, token?: string): Awaitable<LimitFinding> {
    const counted = this.#counted(limits, call);
    if ('kind' in counted) return counted;
    const { takes } = counted;
    return attempt(
      () => this.#rules.counters.peek(takes, token), // prettier-ignore
      (states) => {
        const over = states.filter(({ used, own }, i) => {
          const take = takes[i] as CounterTake;
          return own === 0 && take.force !== true && used + take.cost > take.limit;
        });
        if (over.length > 0) return refusal(counted, over);
        const used = states.map((state, i) => (state.own === 0 ? state.used + (takes[i] as CounterTake).cost : state.used));
        return fitting(limits, counted, used);
      },
      (error) => failed(limits, error),
    );
  }

  /**
   * What an approved call takes when its approval is used.
   *
   * @param isApproved whether people have let it run beyond that limit
   */
  plan(limits: readonly AppliedLimit[], call: LimitedCall, isApproved: (policy: AppliedPolicy) => boolean): LimitPlan {
    const counted = this.#counted(limits, call);
    if ('kind' in counted) return counted;
    return { kind: 'takes', takes: counted.limits.map(({ limit, take }) => (isApproved(limit.policy) ? { ...take, force: true } : take)) };
  }

  #counted(limits: readonly AppliedLimit[], call: LimitedCall): CountedCall | LimitDenial {
    const counted: CountedLimit[] = [];
    for (const limit of limits) {
      const one = this.#countedBy(limit, call);
      if (typeof one !== 'string') {
        if (limits.length === 1) return one;
        counted.push(...one.limits);
      } else if (limit.observed !== true) return denial(one, [limit.policy], UNCOUNTED[one]); // one that is only watched stops nothing
    }
    return { limits: counted, takes: counted.map(({ take }) => take) };
  }

  #countedBy(limit: AppliedLimit, call: LimitedCall): CountedOnce | keyof typeof UNCOUNTED {
    const known = this.#knownOf(limit);
    const { agentId, toolName } = call;
    const named = known.byCaller?.get(agentId, toolName);
    if (named !== undefined) return countedOnce(named, limit, AMOUNT_PARTS);
    const counted = countCall(limit.terms, { ...call, tenantId: this.#rules.tenantId });
    if (typeof counted === 'string') return counted;
    const found = this.#namedOf(known, limit, counted.values);
    known.byCaller?.set(agentId, toolName, found);
    return countedOnce(found, limit, counted.cost);
  }

  #knownOf({ policy, terms }: AppliedLimit): KnownLimit {
    let known = this.#known.get(policy);
    if (known?.terms !== terms) {
      const isByCaller = terms.cost === undefined && terms.by.every((dimension) => !dimension.startsWith('session'));
      known = { terms, byCaller: isByCaller ? new PairMap() : undefined, byValues: new LruMap(MAX_KEYS_OF_LIMIT) };
      this.#known.set(policy, known);
    }
    return known;
  }

  #namedOf({ byValues }: KnownLimit, limit: AppliedLimit, values: readonly string[]): Named {
    const apart = values.length === 1 ? (values[0] as string) : JSON.stringify(values);
    let named = byValues.get(apart);
    if (named === undefined) {
      named = this.#name(limit, values);
      if (apart.length <= MAX_KEPT) byValues.set(apart, named);
    }
    return named;
  }

  /** By the policy's id and not by its text: in other words it is the same limit. Another window counts anew. */
  #name({ policy, terms: { kind, windowMs, by, warnAt } }: AppliedLimit, values: readonly string[]): Named {
    const { tenantId } = this.#rules;
    const text = JSON.stringify([policy.id, kind, windowMs, by, values]);
    let named = this.#named.get(text);
    if (named === undefined || named.warnAt !== warnAt) {
      const key = canonicalDigest(['aegis limit 1', tenantId, text]);
      named = { key, label: writeLimitLabel(policy.id, by, values, warnAt), warnAt };
      // a session may have values of any length
      if (text.length <= MAX_KEPT) this.#named.set(text, named);
    }
    return named;
  }
}

const DURABLE = Object.freeze({ durable: true });

function countedOnce(named: Named, limit: AppliedLimit, cost: number): CountedOnce {
  const { last } = named;
  if (last !== undefined && last.limit === limit && last.cost === cost) return last;
  const { terms, observed = false } = limit;
  const { limit: most, windowMs, kind } = terms;
  const { key, label } = named;
  const before = last?.takes[0];
  const take: CounterTake =
    before !== undefined && before.cost === cost && before.limit === most && (before.force === true) === observed
      ? before
      : Object.freeze({ key, cost, limit: most, windowMs, kind, label, ...(observed && { force: true }) });
  return (named.last = { limit, cost, limits: [{ limit, take }], takes: [take], fit: last?.limit === limit ? last.fit : fitOf([limit]) });
}

const REACHED = 'A limit is reached.';

function found(limits: readonly AppliedLimit[], counted: CountedCall, outcome: TakeOutcome): LimitFinding {
  return outcome.ok ? fitting(limits, counted, outcome.used) : refusal(counted, outcome.refused);
}

function fitting(limits: readonly AppliedLimit[], counted: CountedCall | CountedOnce, used: readonly number[]): LimitFinding {
  let watched: AppliedPolicy[] | undefined;
  let near: CountedLimit[] | undefined;
  for (let i = 0; i < counted.limits.length; i++) {
    const one = counted.limits[i] as CountedLimit;
    const { policy, terms, observed = false } = one.limit;
    const { take } = one;
    const now = used[i] as number;
    if (observed && now > take.limit) (watched ??= []).push(policy);
    if (terms.warnAt === undefined) continue;
    const warnAt = (take.limit * terms.warnAt) / 100;
    if (now >= warnAt && now - take.cost < warnAt) (near ??= []).push(one);
  }
  if (watched === undefined && near === undefined && 'fit' in counted) return counted.fit;
  return fitOf(limits, watched, near);
}

function fitOf(limits: readonly AppliedLimit[], watched: readonly AppliedPolicy[] = [], near: readonly CountedLimit[] = []): LimitFit {
  const names = limits.map(({ policy: { id, hash } }) => Object.freeze({ id, hash }));
  return { kind: 'fits', watched, near, names: Object.freeze(names) };
}

function refusal({ limits }: CountedCall, refused: readonly RefusedTake[]): LimitFinding {
  const over = limits.filter(({ take }) => refused.some(({ key }) => key === take.key));
  const denying = over.filter(({ limit }) => limit.terms.over === 'deny');
  if (denying.length === 0) return { kind: 'asks', approvals: over.map(({ limit }) => limit.policy) };
  const policies = denying.map(({ limit }) => limit.policy);
  const retryAtMs = Math.max(...refused.filter(({ key }) => denying.some(({ take }) => take.key === key)).map((one) => one.retryAtMs));
  const reasons = new Set(policies.map(({ reason = REACHED }) => reason));
  const again = `Try again after ${new Date(retryAtMs).toISOString()}.`;
  return { ...denial('limit_reached', policies, `${[...reasons].join('; ')} ${again}`), retryAtMs, over: denying };
}

/** What cannot be counted is denied, unless all that counts it is only watched. */
function failed(limits: readonly AppliedLimit[], error: unknown): LimitFinding {
  const policies = limits.filter(({ observed }) => observed !== true).map(({ policy }) => policy);
  if (policies.length === 0) return fitOf(limits);
  return { ...denial('limit_unavailable', policies, 'The limits of this call cannot be counted now.'), error };
}

function denial(code: LimitDenial['code'], policies: readonly AppliedPolicy[], reason: string): LimitDenial {
  return { kind: 'denied', code, reason, policies };
}
