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
    if (this.#limits.length === 0) return undefined;
    return this.#limits.map(({ applied, limit, observeUntilMs }) => {
      const observed = observeUntilMs !== undefined && this.#nowMs < observeUntilMs;
      const terms = limit as AppliedLimit['terms'];
      return observed ? { policy: applied, terms, observed } : { policy: applied, terms };
    });
  }

  evaluate(params: Params): Evaluation {
    const evaluation = this.#inner.evaluate(params);
    const { reasons, errors, permits } = evaluation;
    const limits = reasons.filter(isLimit);
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

function isLimit({ effect }: Policy): boolean {
  return effect === 'limit';
}
