import type { Answers, Ask, Evaluation, Evaluator, MakeEvaluator } from '../Evaluator.js';

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
      (ask: Ask, verify: Ask): Ask =>
      (context, budget) => {
        if (!trusted) return verify(context, budget);
        const evaluation = ask(context, budget);
        if (!sampling.due) return evaluation;
        trusted = same(evaluation, verify(context, budget));
        if (!trusted) throw new EvaluationMismatch();
        return evaluation;
      };
    return {
      forCaller(caller): Answers {
        const answers = quick.forCaller(caller);
        const truths = sure.forCaller(caller);
        return { all: verified(answers.all, truths.all), permits: verified(answers.permits, truths.permits) };
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
