import { expect } from 'chai';
import { decisionOf } from '../../../lib/decision/embedded/approvalRequestFor.js';
import type { Approvable } from '../../../lib/decision/embedded/approvalRequestFor.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { askOutcome } from '../../support/scriptedPolicies.js';

const ask = (more: object = {}): Approvable => askOutcome(more) as Approvable;
const EDIT = { by: 'ann', atMs: 1, from: 'a', to: 'b', params: { amount: 2 }, changes: [], superseded: [] };

describe('The decision on a request that is sent again', () => {
  it('names the approval that it opened, with params only where they were changed', () => {
    const same = recordOf();
    const asked = { effect: 'approval_needed', decisionId: same.decisionId, approvalId: same.decisionId, reason: same.reason };
    expect(decisionOf({ ...same, digest: same.originalDigest }, ask()))
      .to.include(asked)
      .and.not.to.have.property('params');
    const changed = recordOf({ params: { amount: 0 }, digest: 'other', message: 'capped' });
    expect(decisionOf(changed, ask())).to.deep.include({ params: { amount: 0 }, message: 'capped' });
  });

  it('says what policies make of the call, where a person edited it: the edit comes with the yes', () => {
    const edited = recordOf({ params: { amount: 2 }, digest: 'other', amendments: [EDIT] });
    expect(decisionOf(edited, ask())).to.include({ effect: 'approval_needed' }).and.not.to.have.property('params');
    const capped = ask({ params: { amount: 0 }, message: 'capped' });
    expect(decisionOf(edited, capped)).to.deep.include({ params: { amount: 0 }, message: 'capped' });
    // also where the edit is the way back to what was asked
    const back = { ...edited, digest: edited.originalDigest };
    expect(decisionOf(back, capped)).to.deep.include({ params: { amount: 0 }, message: 'capped' });
  });

  for (const [what, ended] of [
    ['was denied', { status: 'denied' }],
    ['has expired', { status: 'expired' }],
    ['was withdrawn', { status: 'withdrawn' }],
    ['was used', { status: 'approved', consumed: { token: 't', atMs: 1 } }],
  ] as readonly (readonly [string, Partial<ApprovalRecord>])[])
    it(`is a no where the approval ${what}`, () => expect(decisionOf(recordOf(ended), ask())).to.include({ effect: 'deny' }));
});
