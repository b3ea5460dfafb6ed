import { expect } from 'chai';
import { ObservedCounts } from '../../../lib/policy/staged/ObservedCounts.js';
import type { Policy } from '../../../lib/policy/Policy.js';
import { callOf } from '../../support/policyCalls.js';

const policy = (id: string, observeUntilMs?: number): Policy =>
  ({ applied: { id, hash: `hash of ${id}` }, observeUntilMs }) as unknown as Policy;

describe('Counts of what watched policies would have asked', () => {
  it('are of the policies that are watched now, the tool with most calls first', () => {
    const counts = new ObservedCounts();
    for (const toolName of ['read', 'drop', 'drop'])
      counts.add(callOf({}, { toolName, nowMs: 5 }), [policy('a').applied, policy('b').applied, policy('gone').applied]);
    const row = { policyId: 'a', firstAtMs: 5, lastAtMs: 5, untilMs: 9 };
    expect(counts.list([policy('a', 9), policy('b')])).to.deep.equal([
      { ...row, toolName: 'drop', calls: 2 },
      { ...row, toolName: 'read', calls: 1 },
    ]);
  });
});
