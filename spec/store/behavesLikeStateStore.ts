import { expect } from 'chai';
import type { Awaitable } from '../../lib/common/awaitable.js';
import type { Task } from '../../lib/model/Task.js';
import type { ApprovalRecord } from '../../lib/store/ApprovalStore.js';
import type { StateStore } from '../../lib/store/StateStore.js';
import type { StoreChange } from '../../lib/store/TaskStore.js';
import { recordOf } from '../support/approvalRecords.js';
import { inStatus, NOW } from './taskInStatus.js';
import { until } from '../support/until.js';
import { originOf } from './taskStoreLeases.js';

/** The contract of tasks and approvals in one place. `make` gives an empty store, `another` a second handle on its data; both open. */
export function behavesLikeStateStore(
  name: string,
  make: () => Awaitable<StateStore>,
  another: (store: StateStore) => Awaitable<StateStore>,
): void {
  describe(`${name}, as a StateStore`, () => {
    let [one, two] = [] as unknown as [StateStore, StateStore];
    beforeEach(async () => {
      one = await make();
      two = await another(one);
      for (const store of [one, two]) await store.tasks.heartbeat(60_000, Date.now());
    });
    afterEach(async () => {
      await two.close();
      await one.close();
    });

    const asked = async (status: 'pending' | 'approved' = 'pending'): Promise<ApprovalRecord> => {
      const record = recordOf({ createdAtMs: NOW, expiresAtMs: NOW + 36_000_000 });
      await two.approvals.insert(record);
      await inStatus(two.tasks, status, { decisionId: record.decisionId, origin: originOf(two.tasks.ownerId) });
      return record;
    };
    const due = async (idleMs = 3_600_000): Promise<string[]> => {
      const query = { nowMs: Date.now() + 1, idleMs, againMs: 60_000, keys: ['refund'], poll: false, limit: 10 };
      return (await one.tasks.due(query)).map((t) => t.decisionId);
    };
    const verdict = (record: ApprovalRecord, status: ApprovalRecord['status']): Awaitable<boolean> =>
      one.approvals.replace({ ...record, status, version: record.version + 1 }, record.version);

    it('finds, of equal calls, the one that a person has decided on before older ones', async () => {
      const [older, decided] = [await asked(), await asked()];
      const equal = (await one.tasks.ofDecision(older.decisionId)) as Task;
      expect(await one.tasks.findOpen(equal)).to.include({ decisionId: older.decisionId });
      await verdict(decided, 'approved');
      expect(await one.tasks.findOpen(equal)).to.include({ decisionId: decided.decisionId });
    });

    for (const status of ['approved', 'denied', 'expired', 'withdrawn'] as const) {
      it(`makes the pending task of an approval due that is ${status}, once its owner is dead`, async () => {
        const [record] = [await asked(), await asked()];
        expect(await verdict(record, status)).to.equal(true);
        expect(await due()).to.deep.equal([]);
        await two.tasks.heartbeat(0, Date.now());
        expect(await due()).to.deep.equal([record.decisionId]);
        expect(await due()).to.deep.equal([]);
      });
    }

    it('makes it due when its owner is alive but does nothing', async () => {
      const record = await asked();
      await verdict(record, 'approved');
      expect(await due(0)).to.deep.equal([record.decisionId]);
    });

    it('leaves the task alone while the approval is pending, and where another verdict was first', async () => {
      const record = await asked();
      await verdict(record, 'pending');
      expect(await one.approvals.replace({ ...record, status: 'approved', version: 2 }, record.version)).to.equal(false);
      await two.tasks.heartbeat(0, Date.now());
      expect(await due()).to.deep.equal([]);
    });

    it('tells the other handle of approvals', async () => {
      const seen: StoreChange[] = [];
      const stop = await two.tasks.watch((change) => seen.push(change));
      const record = recordOf();
      await one.approvals.insert(record);
      await verdict(record, 'approved');
      await until(() => seen.length >= 2);
      const { decisionId } = record;
      for (const version of [1, 2]) expect(seen).to.deep.include({ kind: 'approval', decisionId, version });
      await stop();
    });

    it('takes one verdict of two handles', async () => {
      for (let i = 0; i < 10; i++) {
        const record = recordOf();
        await one.approvals.insert(record);
        expect(await two.approvals.get(record.decisionId)).to.deep.equal(record);
        const next = { ...record, version: 2 };
        const both = await Promise.all([
          one.approvals.replace({ ...next, status: 'approved' }, 1),
          two.approvals.replace({ ...next, status: 'denied' }, 1),
        ]);
        expect(both.filter(Boolean)).to.have.length(1);
        expect((await one.approvals.get(record.decisionId))?.status).to.equal(both[0] ? 'approved' : 'denied');
      }
    });
  });
}
