import { attempt } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import { canonicalDigest } from '../../common/data/canonical.js';
import { LruMap } from '../../common/LruMap.js';
import { writeLimitLabel } from './limitLabel.js';
import { countCall, UNCOUNTED } from '../../policy/limit/countCall.js';
import type { CallToCount } from '../../policy/limit/countCall.js';
import type { LimitTerms } from '../../model/terms/LimitTerms.js';
import type { AppliedLimit, AppliedPolicy } from '../../policy/PolicyEngine.js';
import type { CounterStore, CounterTake, RefusedTake, TakeOutcome } from '../../store/counter/CounterStore.js';

/** A call, as limits count it. */
export type LimitedCall = Omit<CallToCount, 'tenantId'>;

/** What limits say to a call. */
export type LimitFinding =
  /** It fits. `watched`: the limits that would have stopped it, if they were not only watched. */
  | { readonly kind: 'fits'; readonly watched: readonly AppliedPolicy[]; readonly near: readonly CountedLimit[] }
  | LimitDenial
  /** It does not fit, and people may let it run all the same. */
  | { readonly kind: 'asks'; readonly approvals: readonly AppliedPolicy[] };

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

/** The counter of a limit and of what it counts apart. */
interface Named {
  readonly policyId: string;
  readonly key: string;
  readonly label: string;
  readonly warnAt: number | undefined;
  /** What the last call took of it, frozen: most calls take the same. */
  take?: CounterTake;
}

const MAX_KEYS = 10_000;
const MAX_KEYS_OF_TERMS = 1_000;
/** How long the text of a counter may be whose name is kept. */
const MAX_KEPT = 1_000;

/** Counts calls towards the limits of one tenant. Any doubt is a denial. */
export class LimitGate {
  readonly #rules: LimitRules;
  readonly #named = new LruMap<string, Named>(MAX_KEYS);
  /** By the terms of a limit, then by what it counts apart. */
  readonly #byTerms = new WeakMap<LimitTerms, LruMap<string, Named>>();

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
    return attempt<TakeOutcome, LimitFinding>(
      () => counters.take({ token, takes: counted.map(({ take }) => take), keepMs }, { durable }),
      (outcome) => (outcome.ok ? fitting(counted, outcome.used) : refusal(counted, outcome.refused)),
      (error) => failed(limits, error),
    );
  }

  /**
   * Looks whether a call would fit. Takes nothing.
   *
   * @param token whose own takes do not count against it
   */
  peek(limits: readonly AppliedLimit[], call: LimitedCall, token?: string): Awaitable<LimitFinding> {
    const counted = this.#counted(limits, call);
    if ('kind' in counted) return counted;
    return attempt(
      () => this.#rules.counters.peek(counted.map(({ take }) => take), token), // prettier-ignore
      (states) => {
        const over = states.filter(({ used, own }, i) => {
          const { take } = counted[i] as CountedLimit;
          return own === 0 && take.force !== true && used + take.cost > take.limit;
        });
        return over.length === 0
          ? fitting(
              counted,
              states.map(({ used, own }, i) => (own === 0 ? used + (counted[i] as CountedLimit).take.cost : used)),
            )
          : refusal(counted, over);
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
    return { kind: 'takes', takes: counted.map(({ limit, take }) => (isApproved(limit.policy) ? { ...take, force: true } : take)) };
  }

  #counted(limits: readonly AppliedLimit[], call: LimitedCall): readonly CountedLimit[] | LimitDenial {
    const counted: CountedLimit[] = [];
    const { agentId, toolName, params, session, sessionTrusted } = call;
    const toCount: CallToCount = { tenantId: this.#rules.tenantId, agentId, toolName, params, session, sessionTrusted };
    for (const limit of limits) {
      const { policy, terms, observed = false } = limit;
      const found = countCall(terms, toCount);
      if (typeof found === 'string') {
        // one that is only watched stops nothing
        if (observed) continue;
        return denial(found, [policy], UNCOUNTED[found]);
      }
      const { cost, values } = found;
      counted.push({ limit, take: takeOf(this.#namedOf(limit, values), terms, cost, observed) });
    }
    return counted;
  }

  /** Terms never change, so that what is counted by them is found by them. */
  #namedOf(limit: AppliedLimit, values: readonly string[]): Named {
    const { terms } = limit;
    const apart = values.length === 1 ? (values[0] as string) : JSON.stringify(values);
    let known = this.#byTerms.get(terms);
    if (known === undefined) this.#byTerms.set(terms, (known = new LruMap(MAX_KEYS_OF_TERMS)));
    let named = known.get(apart);
    // policies may share their terms, but never a counter
    if (named?.policyId !== limit.policy.id) {
      named = this.#name(limit, values);
      if (apart.length <= MAX_KEPT) known.set(apart, named);
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
      named = { policyId: policy.id, key, label: writeLimitLabel(policy.id, by, values, warnAt), warnAt };
      // a session may have values of any length
      if (text.length <= MAX_KEPT) this.#named.set(text, named);
    }
    return named;
  }
}

/** A take that is frozen is checked once. */
function takeOf(named: Named, { limit, windowMs, kind }: LimitTerms, cost: number, observed: boolean): CounterTake {
  const { key, label, take } = named;
  if (take !== undefined && take.cost === cost && take.limit === limit && (take.force === true) === observed) return take;
  return (named.take = Object.freeze({ key, cost, limit, windowMs, kind, label, ...(observed && { force: true }) }));
}

const REACHED = 'A limit is reached.';

function fitting(counted: readonly CountedLimit[], used: readonly number[]): LimitFinding {
  const watched: AppliedPolicy[] = [];
  const near: CountedLimit[] = [];
  counted.forEach((one, i) => {
    const { policy, terms, observed = false } = one.limit;
    const { take } = one;
    const now = used[i] as number;
    if (observed && now > take.limit) watched.push(policy);
    const warnAt = (take.limit * (terms.warnAt ?? Infinity)) / 100;
    if (now >= warnAt && now - take.cost < warnAt) near.push(one);
  });
  return { kind: 'fits', watched, near };
}

function refusal(counted: readonly CountedLimit[], refused: readonly RefusedTake[]): LimitFinding {
  const over = counted.filter(({ take }) => refused.some(({ key }) => key === take.key));
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
  if (policies.length === 0) return { kind: 'fits', watched: [], near: [] };
  return { ...denial('limit_unavailable', policies, 'The limits of this call cannot be counted now.'), error };
}

function denial(code: LimitDenial['code'], policies: readonly AppliedPolicy[], reason: string): LimitDenial {
  return { kind: 'denied', code, reason, policies };
}
