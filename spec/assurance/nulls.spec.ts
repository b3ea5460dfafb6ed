import { expect } from 'chai';
import { compiledEvaluator } from '../../lib/policy/compile/compiledEvaluator.js';
import type { BoundEvaluator } from '../../lib/policy/Evaluator.js';
import { readRecord } from '../../lib/policy/value/readValue.js';
import { StepBudget } from '../../lib/policy/value/StepBudget.js';
import { randomPolicies } from '../policy/fuzz/cases.js';
import { Random } from '../policy/fuzz/random.js';
import { randomCaller, randomContext } from '../policy/fuzz/requests.js';
import { counted, seed, volume } from '../support/assurance.js';

const CASES = volume(40_000);
/** What might have been where the null is. */
const OTHERS: readonly unknown[] = [0, 7, 'a', '', true, false, [], [1], {}, { a: 1 }, 0.5, new Date(0)];

type Place = { readonly container: Record<string, unknown>; readonly key: string };

/** Places in params whose value could be null. */
function placesOf(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [];
  const container = value as Record<string, unknown>;
  return Object.keys(container).flatMap((key) => [{ container, key }, ...placesOf(container[key])]);
}

function answerOf(bound: BoundEvaluator, context: Record<string, unknown>): 'error' | 'matches' | 'does not match' {
  const { reasons, errors } = bound.evaluate(readRecord(context), new StepBudget());
  return errors.length > 0 ? 'error' : reasons.length > 0 ? 'matches' : 'does not match';
}

describe('A policy on params with a null', () => {
  it('says only what it would say of any other value in its place', function () {
    this.timeout(60_000 + CASES * 10);
    const random = new Random(seed + 15);
    let cases = 0;
    let answered = 0;
    const wrong: string[] = [];
    while (cases < CASES) {
      const policies = randomPolicies(random, random.chance(0.5) ? 'well-typed' : 'arbitrary').map((policy) => compiledEvaluator([policy]));
      const caller = randomCaller(random);
      const context = randomContext(random, true);
      const place = random.pick(placesOf(context['input']));
      const original = place.container[place.key];
      for (const policy of policies) {
        cases += 1;
        const bound = policy.forCaller(caller);
        place.container[place.key] = null;
        const answer = answerOf(bound, context);
        if (answer !== 'error') {
          answered += 1;
          for (const value of [original, ...OTHERS]) {
            place.container[place.key] = value;
            const other = answerOf(bound, context);
            if (other !== answer) wrong.push(`${place.key}: null ${answer}, ${String(value)} ${other}`);
          }
        }
      }
      place.container[place.key] = original;
    }
    counted({
      what: 'A15 policies on params with a null, against every other value there',
      cases,
      wrong: wrong.length,
      beside: { answered },
    });
    expect(wrong.slice(0, 3), `AEGIS_FUZZ_SEED=${seed}`).to.deep.equal([]);
    // both must occur
    expect(answered).to.be.within(1, cases - 1);
  });
});
