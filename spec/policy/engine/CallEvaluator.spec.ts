import { expect } from 'chai';
import { CallEvaluator } from '../../../lib/policy/engine/CallEvaluator.js';
import type { RecordValue } from '../../../lib/policy/value/Value.js';
import type { BoundEvaluator } from '../../../lib/policy/Evaluator.js';
import { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { toCedarRecord } from '../../../lib/policy/wasm/toCedar.js';
import { callOf } from '../../support/policyCalls.js';

describe('CallEvaluator', () => {
  let asked: { who: string; context: RecordValue; budget: StepBudget }[];
  const note =
    (who: string): BoundEvaluator['evaluate'] =>
    (context, budget) => {
      asked.push({ who, context, budget });
      return { decision: 'deny', reasons: [], errors: [] };
    };
  const bound = { evaluate: note('all'), evaluatePermits: note('permits') };
  beforeEach(() => (asked = []));
  const contextOf = (i: number): unknown => JSON.parse(JSON.stringify(toCedarRecord((asked[i] as { context: RecordValue }).context)));

  it('are about input, session, facts and the time', () => {
    const params = { a: 1 };
    new CallEvaluator(bound, callOf(params, { session: { user_id: 'ann' }, facts: { sum: 2 }, nowMs: 5 })).evaluate(params);
    expect(contextOf(0)).to.deep.equal({
      input: { a: 1 },
      session: { user_id: 'ann' },
      facts: { sum: 2 },
      system: { now: { __extn: { fn: 'datetime', arg: '1970-01-01T00:00:00.005Z' } } },
    });
  });

  it('are about no session where there is none', () => {
    for (const session of [null, undefined]) new CallEvaluator(bound, callOf({}, { session: session as null })).evaluate({});
    for (const i of [0, 1]) expect(contextOf(i)).to.have.deep.property('session', {});
  });

  it('differ in the params alone, which are read once, and take one budget', () => {
    const [first, second] = [{ a: 1 }, { a: 2 }];
    const questions = new CallEvaluator(bound, callOf(first));
    questions.evaluate(first);
    questions.evaluatePermits(first);
    questions.evaluate(second);
    questions.evaluatePermits(first);
    expect(asked.map(({ who }) => who)).to.deep.equal(['all', 'permits', 'all', 'permits']);
    expect(asked.map((_, i) => (contextOf(i) as { input: unknown }).input)).to.deep.equal([first, first, second, first]);
    expect(asked[0]?.context).to.equal(asked[1]?.context);
    expect(asked[0]?.budget).to.be.instanceOf(StepBudget);
    expect(new Set(asked.map(({ budget }) => budget)).size).to.equal(1);
  });
});
