import { expect } from 'chai';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { behavesLikeApprovalStore } from '../behavesLikeApprovalStore.js';

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

  it('keeps the newest 10,000 of those that can no longer do anything, and all others', () => {
    const store = new MemoryApprovalStore();
    const [pending, approved, refused] = [recordOf(), recordOf({ status: 'approved' }), recordOf({ status: 'denied' })];
    for (const record of [pending, approved, refused]) store.insert(record);
    const spent = Array.from({ length: 10_003 }, (_, i) =>
      recordOf([{ status: 'expired' as const }, { status: 'withdrawn' as const }][i % 2]),
    );
    for (const record of spent) {
      store.insert({ ...record, status: 'pending' });
      store.replace({ ...record, version: 2 }, 1);
    }
    expect([0, 2, 3, 10_002].map((i) => store.get(spent[i]!.decisionId)?.status)).to.deep.equal([
      undefined,
      undefined,
      'withdrawn',
      'expired',
    ]);
    expect([pending, approved, refused].map((r) => store.get(r.decisionId))).to.deep.equal([pending, approved, refused]);

    // one that was used makes room too
    store.replace({ ...approved, consumed: { token: 't', atMs: 1 }, version: 2 }, 1);
    expect([store.get(spent[3]!.decisionId), store.get(approved.decisionId)?.version]).to.deep.equal([undefined, 2]);
    expect(store.list({ status: 'pending' })).to.deep.equal([pending]);
    expect(store.list({ limit: 20_000 })).to.have.length(10_002);
    expect(store.prune(Infinity)).to.equal(10_002);
    expect(store.list({ limit: 20_000 })).to.deep.equal([]);
  });

  it('keeps the newest 10,000 refused ones, whatever else has ended; what was refused stays refused without its record', () => {
    const store = new MemoryApprovalStore();
    const bornMs = new Date(5);
    const refused = Array.from({ length: 10_003 }, (_, i) =>
      recordOf({ session: { bornMs }, ...(i < 2 ? { agentId: 'rare', expiresAtMs: i === 0 ? 100 : 200 } : {}) }),
    );
    for (const record of refused) {
      store.insert(record);
      const verdict = { approve: false, by: 'ann', reason: undefined, atMs: 1, policies: ['limit'] };
      store.replace({ ...record, status: 'denied', verdicts: [verdict], version: 2 }, 1);
    }
    for (let i = 0; i < 10_003; i++) store.insert(recordOf({ status: 'withdrawn' }));
    expect([0, 2, 3, 10_002].map((i) => store.get(refused[i]!.decisionId)?.status)).to.deep.equal([
      undefined,
      undefined,
      'denied',
      'denied',
    ]);
    expect(store.list({ limit: 30_000 })).to.have.length(20_000);
    const rare = (): readonly string[] => store.listDenied('rare', 'refund', 0).map((r) => r.decisionId);
    expect(rare()).to.deep.equal([refused[0]!.decisionId, refused[1]!.decisionId]);

    // nobody changes what it keeps
    const shown = store.listDenied('rare', 'refund', 0)[0]?.session as { readonly bornMs: Date };
    shown.bornMs.setTime(0);
    expect(store.listDenied('rare', 'refund', 0)[0]?.session).to.deep.equal({ bornMs: new Date(5) });

    expect(store.prune(100)).to.equal(0);
    expect(rare()).to.deep.equal([refused[1]!.decisionId]);
    expect(store.listDenied('bot', 'refund', 0)).to.have.length(1_000);
    expect(store.prune(Infinity)).to.equal(20_000);
    expect([rare(), store.listDenied('bot', 'refund', 0), store.list({ limit: 30_000 })]).to.deep.equal([[], [], []]);
  });
});
