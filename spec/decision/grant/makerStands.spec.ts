import { expect } from 'chai';
import { GrantedScope } from '../../../lib/decision/grant/GrantedScope.js';
import type { AskedCall } from '../../../lib/decision/grant/GrantedScope.js';
import { MakerStanding } from '../../../lib/decision/grant/makerStands.js';
import { isThenable } from '../../../lib/common/awaitable.js';
import type { AppliedPolicy } from '../../../lib/policy/PolicyEngine.js';
import { requestOf } from '../../support/callRequests.js';
import { grantOf } from './behavesLikeGrantRows.js';

const policy = (id: string, hash = `hash of ${id}`): AppliedPolicy => ({
  id,
  hash,
  effect: 'approval_needed',
  grantable: { uses: 9, forMs: 9_000 } as never,
});
const callOf = (approvals: readonly AppliedPolicy[], user?: string): AskedCall => ({
  request: requestOf({
    agentId: 'bot',
    toolName: 'refund',
    guardKey: 'refund',
    params: { amount: 40 },
    session: user === undefined ? null : { user_id: user },
  }),
  params: undefined,
  facts: {},
  approvals,
});

describe('Who made a grant', () => {
  it('is asked about anew for each grant, requester and set of policies, and answered at once where that is known', async () => {
    const makers = new MakerStanding(() => ({ rules: {}, served: undefined }));
    const grants = [grantOf({ by: 'rita' }), grantOf({ by: 'rita' })];
    const calls = [
      callOf([policy('a')]),
      callOf([policy('b')]),
      callOf([policy('a'), policy('b')]),
      callOf([policy('a', 'another text')]),
      callOf([policy('a', 'another text')], 'ann'),
    ];
    for (const grant of grants)
      for (const call of calls) {
        const first = makers.stands(grant, call, 1);
        expect(isThenable(first)).to.equal(true);
        expect(await first).to.equal(true);
        expect(makers.stands(grant, call, 2)).to.equal(true);
      }
    // who asks never answers, known or not
    const own = callOf([policy('a')], 'rita');
    for (const nowMs of [1, 2]) expect(await makers.stands(grantOf({ by: 'rita' }), own, nowMs)).to.equal(false);
  });
});

describe('A grant', () => {
  it('lifts the policies that were approved with it, in the same text, and no other', () => {
    const scope = new GrantedScope(
      grantOf({
        lifts: [
          { id: 'a', hash: 'hash of a' },
          { id: 'b', hash: 'hash of b' },
        ],
      }),
    );
    const covered = [[policy('a')], [policy('b')], [policy('a'), policy('b')]];
    const others = [[policy('c')], [policy('a', 'hash of b')], [policy('a', 'another text')], [policy('a'), policy('c')]];
    expect(covered.map((approvals) => scope.covers(callOf(approvals)))).to.deep.equal([true, true, true]);
    expect(others.map((approvals) => scope.covers(callOf(approvals)))).to.deep.equal([false, false, false, false]);
  });
});
