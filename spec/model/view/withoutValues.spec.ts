import { expect } from 'chai';
import type { Decision } from '../../../lib/model/Decision.js';
import { readSensitive } from '../../../lib/model/view/readSensitive.js';
import type { Sensitive } from '../../../lib/model/sensitive/Sensitive.js';
import { tellableDecision } from '../../../lib/model/view/withoutValues.js';

const SENSITIVE = readSensitive({ '/a': 'secret', '/b': 'secret' }) as Sensitive;
const violation = { type: 'policy', message: 'it says hunter2', condition: 'c', actualValue: 'hunter2' };

describe('tellableDecision', () => {
  const denied: Decision = { effect: 'deny', decisionId: 'd', reason: 'no hunter2', violations: [violation] };

  it('hides values in the words of a service, and leaves out what it was asked', () => {
    const told = tellableDecision(denied, { params: { a: 'hunter2', b: 1 }, sensitive: SENSITIVE });
    expect(told).to.deep.equal({
      effect: 'deny',
      decisionId: 'd',
      reason: 'no (hidden)',
      violations: [{ type: 'policy', message: 'it says (hidden)', condition: 'c' }],
    });
  });

  for (const name of ['reason', 'message', 'type', 'condition', 'violations', 'effect', 'decisionId'])
    it(`keeps its fields where a hidden value is their name: ${name}`, () => {
      const told = tellableDecision(denied, { params: { a: name, b: 'hunter2' }, sensitive: SENSITIVE });
      expect(Object.keys(told)).to.deep.equal(Object.keys(denied));
      expect(Object.keys(told.violations?.[0] ?? {})).to.deep.equal(['type', 'message', 'condition']);
    });

  it('is the decision itself where nothing is hidden', () => {
    expect(tellableDecision(denied, { params: { a: 'hunter2' }, sensitive: undefined })).to.equal(denied);
  });
});
