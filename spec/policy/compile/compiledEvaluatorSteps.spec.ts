import { expect } from 'chai';
import { compiledEvaluator } from '../../../lib/policy/compile/compiledEvaluator.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { readRecord } from '../../../lib/policy/value/readValue.js';
import type { StepBudget } from '../../../lib/policy/value/StepBudget.js';
import { policyOf } from '../fuzz/cases.js';
import { CALLER } from './bothOutcomes.js';

/** The steps that a policy's condition takes. */
function steps(condition: string, input: Record<string, unknown> = {}): number {
  let taken = 0;
  const budget = { take: (more: number) => void (taken += more) } as unknown as StepBudget;
  const policy = policyOf('p', `permit (principal, action, resource) when { ${condition} };`) as Policy;
  compiledEvaluator([policy]).forCaller(CALLER).evaluate(readRecord({ input }), budget);
  return taken;
}

describe('A policy takes', () => {
  it('a step for each node of its conditions', () => {
    expect(steps('true')).to.equal(1);
    expect(steps('true && !false')).to.equal(4);
    expect(steps('context.input.a == 1', { a: 1 })).to.equal(5);
  });

  it('none where its scope does not take the caller in', () => {
    let taken = 0;
    const budget = { take: (more: number) => void (taken += more) } as unknown as StepBudget;
    const policy = policyOf('p', 'permit (principal == Aegis::Agent::"other", action, resource) when { true };') as Policy;
    compiledEvaluator([policy]).forCaller(CALLER).evaluate(readRecord({}), budget);
    expect(taken).to.equal(0);
  });

  it('one more for each entity that the caller may be in', () => {
    expect(steps('principal in [Aegis::Role::"a", Aegis::Role::"b", Aegis::Role::"c"]')).to.equal(6 + 3);
  });

  for (const name of ['decimal', 'datetime', 'duration', 'ip'])
    it(`one more for each character that ${name}() reads of a call`, () => {
      const condition = `${name}(context.input.x) == 1`;
      expect(steps(condition, { x: 'x'.repeat(40) }) - steps(condition, { x: '' })).to.equal(40);
      expect(steps(condition, { x: [1] })).to.equal(steps(condition, { x: '' }));
    });
});

describe('compiledEvaluator', () => {
  it('can be released before anybody asked it', () => {
    expect(() => compiledEvaluator([]).release?.()).to.not.throw();
  });
});
