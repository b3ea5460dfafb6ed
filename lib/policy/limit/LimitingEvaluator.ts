import type { Params } from '../../model/Params.js';
import type { Evaluation, ParamsEvaluator } from '../Evaluator.js';
import type { Policy } from '../Policy.js';
import type { AppliedLimit } from '../PolicyEngine.js';

/**
 * Evaluates policies as if limits were not there, and notes which of them match: they stop no call by what it is, only by what ran before it. A limit that
 * cannot be evaluated is an error as any other policy's.
 */
export class LimitingEvaluator implements ParamsEvaluator {
  readonly #inner: ParamsEvaluator;
  readonly #nowMs: number;
  #limits: readonly Policy[] = NONE;

  constructor(inner: ParamsEvaluator, nowMs: number) {
    this.#inner = inner;
    this.#nowMs = nowMs;
  }

  /** The limits that matched the params that were evaluated last, which are those that would run. Absent if there are none. */
  get limits(): readonly AppliedLimit[] | undefined {
    const limits = this.#limits;
    const [first] = limits;
    if (first === undefined) return undefined;
    if (limits.length === 1) return alone(first, this.#nowMs);
    return limits.map((policy) => alone(policy, this.#nowMs)[0]);
  }

  evaluate(params: Params): Evaluation {
    const evaluation = this.#inner.evaluate(params);
    const { reasons, errors, permits } = evaluation;
    const limits = limitsAmong(reasons);
    this.#limits = limits;
    if (errors.length > 0 || limits.length === 0) return evaluation;
    if (limits.length < reasons.length) return { ...evaluation, reasons: reasons.filter((policy) => !isLimit(policy)) };
    // nothing else stops the call, so its permits decide
    if (permits === undefined) return this.#inner.evaluatePermits(params);
    return { decision: permits.length > 0 ? 'allow' : 'deny', reasons: permits, errors, permits };
  }

  evaluatePermits(params: Params): Evaluation {
    return this.#inner.evaluatePermits(params);
  }
}

const NONE: readonly Policy[] = Object.freeze([]);

type Alone = readonly [AppliedLimit];

/** Each limit as outcomes name it. It is made once: most calls are counted by one limit, and what is known of it is found by it. */
const enforcedAlone = new WeakMap<Policy, Alone>();
const observedAlone = new WeakMap<Policy, Alone>();

function alone(policy: Policy, nowMs: number): Alone {
  const { applied, limit, observeUntilMs } = policy;
  const observed = observeUntilMs !== undefined && nowMs < observeUntilMs;
  const made = observed ? observedAlone : enforcedAlone;
  let found = made.get(policy);
  if (found === undefined) {
    const terms = limit as AppliedLimit['terms'];
    found = Object.freeze<Alone>([Object.freeze(observed ? { policy: applied, terms, observed } : { policy: applied, terms })]);
    made.set(policy, found);
  }
  return found;
}

/** The limits: the list itself where there is nothing else in it. */
function limitsAmong(policies: readonly Policy[]): readonly Policy[] {
  let limits = 0;
  for (let i = 0; i < policies.length; i++) if (isLimit(policies[i] as Policy)) limits += 1;
  if (limits === policies.length) return policies;
  return limits === 0 ? NONE : policies.filter(isLimit);
}

function isLimit({ effect }: Policy): boolean {
  return effect === 'limit';
}
