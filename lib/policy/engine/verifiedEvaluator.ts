import type { RecordValue } from '../value/Value.js';
import type { BoundEvaluator, Evaluation, Evaluator, MakeEvaluator } from '../Evaluator.js';

/** Compiled policies and cedar-wasm gave different results. It is not known which is right, so the call is denied. */
export class EvaluationMismatch extends Error {
  override readonly name = 'EvaluationMismatch';

  constructor() {
    super('compiled policies and cedar-wasm disagree');
  }
}

/** Says whether the current decision is one to verify. */
export interface Sampling {
  readonly due: boolean;
}

/**
 * Evaluates the decisions that `sampling` picks by an oracle too. After a difference only the oracle decides.
 *
 * @throws EvaluationMismatch from an evaluation whose result differs
 */
export function verifiedEvaluator(make: MakeEvaluator, oracle: MakeEvaluator, sampling: Sampling): MakeEvaluator {
  return (policies): Evaluator => {
    const quick = make(policies);
    const sure = oracle(policies);
    let trusted = true;
    const verified = (context: RecordValue, evaluate: () => Evaluation, verify: () => Evaluation): Evaluation => {
      if (!trusted) return verify();
      const evaluation = evaluate();
      // the oracle cannot be asked about a null
      if (!sampling.due || context.holdsNull) return evaluation;
      trusted = same(evaluation, verify());
      if (!trusted) throw new EvaluationMismatch();
      // the permits beside a forbid are not compared here: without them the engine evaluates them, which is compared
      return { ...evaluation, permits: undefined };
    };
    return {
      forCaller(caller): BoundEvaluator {
        const subject = quick.forCaller(caller);
        const truth = sure.forCaller(caller);
        return {
          evaluate: (context, budget) =>
            verified(
              context,
              () => subject.evaluate(context, budget),
              () => truth.evaluate(context, budget),
            ),
          evaluatePermits: (context, budget) =>
            verified(
              context,
              () => subject.evaluatePermits(context, budget),
              () => truth.evaluatePermits(context, budget),
            ),
        };
      },
      release() {
        quick.release?.();
        sure.release?.();
      },
    };
  };
}

/** Whether both are the same. Messages, which are for people, may differ. */
function same(a: Evaluation, b: Evaluation): boolean {
  return summary(a) === summary(b);
}

function summary({ decision, reasons, errors }: Evaluation): string {
  const ids = (list: readonly string[]): string[] => [...list].sort();
  return JSON.stringify([decision, ids(reasons.map(({ id }) => id)), ids(errors.map(({ policy }) => policy.id))]);
}
