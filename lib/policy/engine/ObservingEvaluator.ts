import type { Params } from '../../model/Params.js';
import type { Evaluation, ParamsEvaluator } from '../Evaluator.js';
import type { Policy } from '../Policy.js';

/**
 * Evaluates policies as if those that are only watched were not there, and notes which of them match. One that cannot be evaluated is an error as any
 * other's, so that a watched policy never makes a call run that would be denied without it.
 */
export class ObservingEvaluator implements ParamsEvaluator {
  /** The watched policies that matched. */
  readonly observed: Set<Policy> = new Set();
  readonly #inner: ParamsEvaluator;
  readonly #nowMs: number;

  constructor(inner: ParamsEvaluator, nowMs: number) {
    this.#inner = inner;
    this.#nowMs = nowMs;
  }

  evaluate(params: Params): Evaluation {
    const evaluation = this.#inner.evaluate(params);
    const { reasons, errors, permits } = evaluation;
    const watched = reasons.filter((policy) => this.#isWatched(policy));
    if (errors.length > 0 || watched.length === 0) return evaluation;
    for (const policy of watched) this.observed.add(policy);
    const enforced = reasons.filter((policy) => !watched.includes(policy));
    if (enforced.length > 0) return { ...evaluation, reasons: enforced };
    // nothing else stops the call, so its permits decide
    if (permits === undefined) return this.#inner.evaluatePermits(params);
    return { decision: permits.length > 0 ? 'allow' : 'deny', reasons: permits, errors, permits };
  }

  evaluatePermits(params: Params): Evaluation {
    return this.#inner.evaluatePermits(params);
  }

  /** A time that is not a number is no time before the end. */
  #isWatched({ observeUntilMs }: Policy): boolean {
    return observeUntilMs !== undefined && this.#nowMs < observeUntilMs;
  }
}
