import { expect } from 'chai';
import { isPending, PENDING_BRAND } from '../../lib/model/PendingApproval.js';

describe('isPending', () => {
  it('knows a handle of any copy of this package by its brand', () => {
    expect(isPending({ [PENDING_BRAND]: true })).to.equal(true);
    expect(isPending({ [Symbol.for('aegis.pending')]: true })).to.equal(true);
    expect(isPending(Object.create({ [PENDING_BRAND]: true }))).to.equal(true);
  });

  for (const value of [undefined, null, 'pending', {}, { taskId: 't', status: 'pending' }, { [PENDING_BRAND]: 'yes' }, () => 1, []])
    it(`does not take ${typeof value === 'function' ? 'a function' : JSON.stringify(value)} for one`, () => {
      expect(isPending(value)).to.equal(false);
    });
});
