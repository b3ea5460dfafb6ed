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

  it('forgets one that came in refused, and no other', () => {
    const store = new MemoryApprovalStore();
    expect(store.insert(recordOf({ status: 'denied', expiresAtMs: 100 }))).to.equal(true);
    const other = recordOf({ expiresAtMs: 101 });
    store.insert(other);
    expect([store.prune(100), store.get(other.decisionId), store.countPending('bot', 'refund')]).to.deep.equal([1, other, 1]);
  });

  it('takes a refusal without a verdict for one of no time', () => {
    const store = new MemoryApprovalStore();
    const record = recordOf();
    store.insert(record);
    store.replace({ ...record, status: 'denied', version: 2 }, record.version);
    expect([0, 1].map((since) => store.listDenied('bot', 'refund', since).length)).to.deep.equal([1, 0]);
  });
});
