import { expect } from 'chai';
import { MemoryApprovalStore } from '../../lib/store/MemoryApprovalStore.js';
import { recordOf } from '../support/approvalRecords.js';
import { behavesLikeApprovalStore } from './behavesLikeApprovalStore.js';

behavesLikeApprovalStore('MemoryApprovalStore', () => new MemoryApprovalStore());

describe('MemoryApprovalStore', () => {
  it('answers at once', () => {
    const store = new MemoryApprovalStore();
    const record = recordOf();
    expect([store.insert(record), store.get(record.decisionId), store.countPending('bot', 'refund')]).to.deep.equal([true, record, 1]);
  });
});
