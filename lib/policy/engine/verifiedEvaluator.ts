import type { BoundEvaluator, Evaluate, Evaluation, Evaluator, MakeEvaluator } from '../Evaluator.js';

/** Compiled policies and cedar-wasm answered differently. Which is right is not known, so nothing is allowed. */
export class EvaluationMismatch extends Error {
  override readonly name = 'EvaluationMismatch';

  constructor() {
    super('compiled policies and cedar-wasm do not agree');
  }
}

/** Whether the decision that is being made is one to verify. */
export interface Sampling {
  readonly due: boolean;
}

/**
 * Evaluates the decisions that `sampling` picks by an oracle too. After a difference only the oracle is asked.
 *
 * @throws EvaluationMismatch from the evaluation that differs
 */
export function verifiedEvaluator(make: MakeEvaluator, oracle: MakeEvaluator, sampling: Sampling): MakeEvaluator {
  return (policies): Evaluator => {
    const quick = make(policies);
    const sure = oracle(policies);
    let trusted = true;
    const verified =
      (evaluate: Evaluate, verify: Evaluate): Evaluate =>
      (context, budget) => {
        if (!trusted) return verify(context, budget);
        const evaluation = evaluate(context, budget);
        if (!sampling.due) return evaluation;
        trusted = same(evaluation, verify(context, budget));
        if (!trusted) throw new EvaluationMismatch();
        return evaluation;
      };
    return {
      forCaller(caller): BoundEvaluator {
        const subject = quick.forCaller(caller);
        const truth = sure.forCaller(caller);
        return {
          evaluate: verified(subject.evaluate, truth.evaluate),
          evaluatePermits: verified(subject.evaluatePermits, truth.evaluatePermits),
        };
      },
      release() {
        quick.release?.();
        sure.release?.();
      },
    };
  };
}

/** The same but for messages, which are for people. */
function same(a: Evaluation, b: Evaluation): boolean {
  return summary(a) === summary(b);
}

function summary({ decision, reasons, errors }: Evaluation): string {
  const ids = (list: readonly string[]): string[] => [...list].sort();
  return JSON.stringify([decision, ids(reasons.map(({ id }) => id)), ids(errors.map(({ policy }) => policy.id))]);
}
