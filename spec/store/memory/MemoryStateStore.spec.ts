import { expect } from 'chai';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { behavesLikeApprovalStore } from '../behavesLikeApprovalStore.js';
import { behavesLikeHaltGate } from '../behavesLikeHaltGate.js';
import { behavesLikeServerStore } from '../behavesLikeServerStore.js';
import { behavesLikeTaskStore } from '../behavesLikeTaskStore.js';

behavesLikeServerStore('MemoryStateStore', () => new MemoryStateStore());
behavesLikeApprovalStore('MemoryStateStore.approvals', () => new MemoryStateStore().approvals);
behavesLikeHaltGate('MemoryStateStore', () => {
  const store = new MemoryStateStore();
  return [store, store];
});
behavesLikeTaskStore('MemoryStateStore.tasks', () => new MemoryStateStore().tasks);

describe('MemoryStateStore', () => {
  it('can be opened and closed, and keeps what it has', () => {
    const store = new MemoryStateStore();
    const record = recordOf();
    store.open();
    store.approvals.insert(record);
    store.close();
    expect(store.forTenant('default').approvals.get(record.decisionId)).to.deep.equal(record);
  });
});
