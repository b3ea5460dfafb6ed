import { expect } from 'chai';
import { SecretString } from '../../../lib/common/SecretString.js';
import { storesOf } from '../../../lib/guard/module/stores.js';
import { LazySqliteStore } from '../../../lib/store/sqlite/LazySqliteStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import { SignedApprovalStore } from '../../../lib/store/SignedApprovalStore.js';
import { diagnosed, securityCodes } from '../../support/diagnosed.js';
import { approve, durableModule } from '../../support/durableModules.js';
import { recordOf } from '../../support/approvalRecords.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';

describe('The stores of a module', () => {
  it('are in memory unless options name others', () => {
    const { tasks, approvals } = storesOf({});
    expect([tasks, approvals].map((s) => s.constructor)).to.deep.equal([MemoryTaskStore, MemoryApprovalStore]);
  });

  it('are both halves of a state store, or a task store alone', () => {
    const state = new SharedMemoryStore();
    expect(storesOf({ store: state })).to.include({ tasks: state.tasks, approvals: state.approvals, records: undefined });
    const tasks = new MemoryTaskStore();
    expect(storesOf({ store: tasks }).tasks).to.equal(tasks);
    expect(storesOf({ store: tasks }).approvals).to.be.instanceOf(MemoryApprovalStore);
    const approvalStore = new MemoryApprovalStore();
    expect(storesOf({ store: state, approvalStore }).approvals).to.equal(approvalStore);
  });

  it('are a file where a path is named, which is not opened by that', () => {
    const { tasks, approvals } = storesOf({ store: '/nowhere/aegis.db' });
    expect([tasks.durable, typeof tasks.open, typeof approvals.open]).to.deep.equal([true, 'function', 'function']);
    expect(new LazySqliteStore('/nowhere/aegis.db')).to.be.instanceOf(LazySqliteStore);
  });

  for (const stateKey of ['k'.repeat(32), new SecretString('k'.repeat(32))]) {
    it(`sign approvals with a key given as ${typeof stateKey === 'string' ? 'text' : 'a SecretString'}`, async () => {
      const approvalStore = new MemoryApprovalStore();
      const { approvals } = storesOf({ approvalStore, stateKey });
      expect(approvals).to.be.instanceOf(SignedApprovalStore);
      const record = recordOf();
      await approvals.insert(record);
      expect(approvalStore.get(record.decisionId)?.mac).to.be.a('string');
      expect(await storesOf({ approvalStore, stateKey: 'k'.repeat(32) }).approvals.get(record.decisionId)).to.deep.include(record);
    });
  }

  it('believe no approval of another key, on one store', async () => {
    const first = new SharedMemoryStore();
    const [one, two] = [durableModule(first, { stateKey: 'k'.repeat(32) }), durableModule(first.another(), { stateKey: 'o'.repeat(32) })];
    await Promise.all([one.ready(), two.ready()]);
    const record = recordOf({ expiresAtMs: Date.now() + 60_000 });
    await storesOf({ store: first, stateKey: 'k'.repeat(32) }).approvals.insert(record);
    const seen = await diagnosed(async () => {
      await approve(one, record.decisionId);
      expect(await two.approvals.get(record.decisionId)).to.equal(undefined);
    });
    expect(securityCodes(seen)).to.include('approval_signature_invalid');
    await Promise.all([one.close(), two.close()]);
  });
});
