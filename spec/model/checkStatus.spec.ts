import { expect } from 'chai';
import { checkStatus } from '../../lib/model/checkStatus.js';

describe('Where an approval stands', () => {
  it('is copied: state, reason and person', () => {
    const answer = { decisionId: 'd', state: 'denied', reason: 'no', by: 'ann', more: 1 };
    expect(checkStatus(answer)).to.deep.equal({ decisionId: 'd', state: 'denied', reason: 'no', by: 'ann' });
  });

  it('is read once, so that a second reading cannot say more', () => {
    const readings: string[] = [];
    const answer = {
      decisionId: 'd',
      get state() {
        readings.push('state');
        return readings.length === 1 ? 'pending' : 'approved';
      },
    };
    expect(checkStatus(answer)?.state).to.equal('pending');
    expect(readings).to.have.length(1);
  });

  for (const state of ['APPROVED', 'approve', '', undefined, null, ['approved'], Object('approved'), 'toString'])
    it(`is invalid where the state is ${String(state) || 'empty'} (${typeof state})`, () => {
      expect(checkStatus({ decisionId: 'd', state })?.state).to.equal('invalid');
    });

  it('is nothing without a decisionId that can be read', () => {
    const throwing = Object.defineProperty({ state: 'approved' }, 'decisionId', {
      get() {
        throw new RangeError('no');
      },
    });
    for (const answer of [undefined, null, 'approved', 1, {}, { decisionId: 5, state: 'approved' }, throwing])
      expect(checkStatus(answer)).to.equal(undefined);
  });

  it('takes words of another type for none', () => {
    expect(checkStatus({ decisionId: 'd', state: 'denied', reason: 5, by: {} })).to.include({ reason: undefined, by: undefined });
  });
});
