import { expect } from 'chai';
import { MAX_STEPS, StepBudget, StepsExceeded } from '../../../lib/policy/value/StepBudget.js';

describe('StepBudget', () => {
  it('lets all steps be taken, and none more', () => {
    const budget = new StepBudget();
    budget.take(MAX_STEPS - 1);
    budget.take(1);
    budget.take(0);
    expect(() => budget.take(1)).to.throw(StepsExceeded, 'more than 750000 steps');
  });
});
